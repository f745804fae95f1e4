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
      .array(
        z.union([
          z.strictObject({ in: z.enum(['query', 'body']), field: z.string(), message: z.string() }),
          z.strictObject({ line: z.int(), reason: z.string() }),
        ]),
      )
      .optional(),
    allowedActions: z
      .array(z.string())
      .optional()
      .meta({ description: 'Where an order or a return does not let it happen as it stands: what it does let happen' }),
  })
  .meta({ id: 'Problem' });
