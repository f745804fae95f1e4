/** The only reader of process.env. What is missing or wrong stops the start, with one line a setting. */
import { z } from 'zod';

const url = z.url();
const list = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .pipe(z.array(z.string().min(8)).min(1));
/** Compose files pass an unset variable on as an empty one. */
const optional = <T extends z.ZodType>(setting: T) =>
  z
    .literal('')
    .transform(() => undefined)
    .or(setting)
    .optional();
/** Said also where another setting is wrong. */
const alsoBesideOthers = { when: () => true };
const port = z.coerce.number().int().min(0).max(65_535);

const settings = {
  common: z.object({
    MONGODB_URI: z.string().regex(/^mongodb(\+srv)?:\/\//, 'must start with mongodb:// or mongodb+srv://'),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  }),
  api: z.object({
    HOST: z.string().default('127.0.0.1'),
    PORT: port.default(8080),
    WAYBILL_SECRET: z.string().min(32, 'needs at least 32 characters: it signs the link tokens of orders'),
    STRIPE_WEBHOOK_SECRETS: list,
    CARRIER_WEBHOOK_SECRETS: optional(list),
    EASYPOST_WEBHOOK_SECRETS: optional(list),
  }),
  worker: z.object({
    HOST: z.string().default('127.0.0.1'),
    /** Prometheus figures and health of the worker. */
    METRICS_PORT: port.default(9464),
  }),
  payments: z.object({
    STRIPE_SECRET_KEY: z.string().min(8),
    /** Another address than Stripe's own: the sandbox. */
    STRIPE_API_BASE: url.optional(),
  }),
  providers: z
    .object({
      CARRIER_URL: optional(url),
      CARRIER_API_KEY: optional(z.string().min(1)),
      EASYPOST_API_KEY: optional(z.string().min(8)),
      SMTP_URL: z.string().regex(/^smtps?:\/\//, 'must start with smtp:// or smtps://'),
      MAIL_FROM: z.string().min(3),
      PUBLIC_URL: url,
      WAYBILL_SECRET: z.string().min(32, 'needs at least 32 characters: it signs the link tokens of orders'),
    })
    .refine(({ CARRIER_URL, EASYPOST_API_KEY }) => CARRIER_URL !== undefined || EASYPOST_API_KEY !== undefined, {
      path: ['CARRIER_URL'],
      message: 'no carrier is set up: set this and CARRIER_API_KEY, or EASYPOST_API_KEY, or all of them',
      ...alsoBesideOthers,
    })
    .refine(({ CARRIER_URL, CARRIER_API_KEY }) => CARRIER_URL === undefined || CARRIER_API_KEY !== undefined, {
      path: ['CARRIER_API_KEY'],
      message: 'is missing, and CARRIER_URL is set',
      ...alsoBesideOthers,
    }),
};

type Settings = typeof settings;
type Part = keyof Settings;
type Config<P extends Part> = P extends Part ? z.infer<Settings[P]> : never;
type Intersect<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer I) => void ? I : never;

/** @throws Error whose message names every setting that is missing or wrong. */
export function readConfig<P extends Part>(...parts: P[]): Intersect<Config<P>> {
  const read: Record<string, unknown> = {};
  const wrong: string[] = [];
  for (const part of parts) {
    const parsed = settings[part].safeParse(process.env);
    if (parsed.success) Object.assign(read, parsed.data);
    else wrong.push(...parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`));
  }
  if (wrong.length > 0) throw new Error(`The configuration is not complete:\n${[...new Set(wrong)].join('\n')}`);
  return read as Intersect<Config<P>>;
}
