import { z } from 'zod';

/** RFC 9457. */
export const problem = z
  .looseObject({
    type: z.url(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    errors: z
      .array(z.strictObject({ in: z.enum(['query', 'body']), field: z.string(), message: z.string() }))
      .optional(),
  })
  .meta({ id: 'Problem' });
