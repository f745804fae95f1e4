/** What a route does: its schemas, its answers and its handler. Where it is and who may use it says the table in app.ts. */
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import type { Role } from '../models/access.ts';
import type { Log } from '../platform/log.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { ProblemKind } from './problem.ts';

/** What every handler works with. */
export interface Api {
  mongo: Mongo;
  temporal: Client;
  config: {
    WAYBILL_SECRET: string;
    STRIPE_WEBHOOK_SECRETS: string[];
    CARRIER_WEBHOOK_SECRETS?: string[] | undefined;
    EASYPOST_WEBHOOK_SECRETS?: string[] | undefined;
  };
}

/** Who asks, once it is known. */
export type Caller =
  | { kind: 'public' }
  | { kind: 'customer'; customerId: string }
  | { kind: 'owner'; orderId: string }
  | { kind: 'staff'; tokenId: string; role: Role };

export interface Asked<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  /** The bytes of a webhook, as they were signed. */
  rawBody: Buffer;
  header(name: string): string | undefined;
  caller: Caller;
  /** The Idempotency-Key with what it was sent for. */
  idempotency: Idempotency | undefined;
  requestId: string;
  log: Log;
}

export interface Idempotency {
  caller: string;
  key: string;
  bodyHash: string;
}

type Answers = Readonly<Record<number, z.ZodType>>;

/** An answer is sent and not changed, so it may hold what the domain keeps unchangeable. */
type Sent<T> = T extends object ? { readonly [K in keyof T]: Sent<T[K]> } : T;

/** One of the statuses that the endpoint declares, with the body that goes with it. */
export type Answer<A extends Answers> = {
  [S in keyof A & number]: { status: S; body: Sent<z.input<A[S]>>; headers?: Record<string, string> };
}[keyof A & number];

interface Definition<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, A extends Answers> {
  summary: string;
  params?: P;
  query?: Q;
  /** JSON, or `csvFile`, which is streamed; so are answers of that. An answer may be a `pdfFile` as well. */
  body?: B;
  /** Takes any content type and leaves the bytes alone: a webhook. */
  raw?: true;
  idempotencyKey?: 'required' | 'optional';
  /** Its answers may be kept as this Cache-Control says, and asked for anew by their ETag. */
  etag?: string;
  answers: A;
  /** The business problems it can answer with, beside those that every route has. */
  problems?: readonly ProblemKind[];
  /** The order whose link token opens this endpoint. Needed where owners are let in. */
  orderOf?(api: Api, params: z.output<P>): string | undefined | Promise<string | undefined>;
  /** The customer whose token opens this endpoint. Needed where customers are let in, and not everybody. */
  customerOf?(params: z.output<P>): string;
  handle(api: Api, asked: Asked<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer<A>>;
}

export type Endpoint = Definition<z.ZodType, z.ZodType, z.ZodType, Answers>;

const nothing = z.strictObject({});

/** Defines an endpoint; handler and answers are checked against the schemas by the compiler. */
export function endpoint<
  A extends Answers,
  P extends z.ZodType = typeof nothing,
  Q extends z.ZodType = typeof nothing,
  B extends z.ZodType = typeof nothing,
>(definition: Definition<P, Q, B, A>): Endpoint {
  return definition as unknown as Endpoint;
}

export function reply<const S extends number, B>(
  status: S,
  body: B,
  headers?: Record<string, string>,
): { status: S; body: B; headers?: Record<string, string> } {
  return { status, body, ...(headers && { headers }) };
}
