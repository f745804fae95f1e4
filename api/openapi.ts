/** The OpenAPI 3.1 document, made from the route table, and its interactive pages. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import express, { type Express } from 'express';
import helmet from 'helmet';
import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { permissions } from './auth.ts';
import { type ProblemKind, problems, statusOf } from './problem.ts';
import type { Route } from './route.ts';
import { csvFile, pdfFile } from './schemas/common.ts';
import { problem } from './schemas/problem.ts';

function createOpenApi(routes: readonly Route[]) {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(route) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Waybill',
      version: '0.1.0',
      description:
        'Order fulfilment. Amounts are integer minor units beside an ISO 4217 currency. Errors are problem details (RFC 9457).',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    components: {
      securitySchemes: {
        staff: { type: 'http', scheme: 'bearer', description: 'A staff token, `wb_...`, with its role' },
        owner: { type: 'http', scheme: 'bearer', description: "The order's own token, `ot_...`, from placing it" },
        customer: {
          type: 'http',
          scheme: 'bearer',
          description: 'The token of a customer who has signed in, `ct_...`',
        },
      },
    },
    paths,
  });
}

function describe({ method, path, permission, endpoint }: Route): ZodOpenApiOperationObject {
  const audience: readonly string[] = permissions[permission];
  const roles = audience.filter((each) => !['public', 'signed', 'owner', 'customer'].includes(each));
  const responses: ZodOpenApiOperationObject['responses'] = {};
  for (const kind of problemsOf({ method, path, permission, endpoint })) {
    const status = `${statusOf(kind)}` as `${4 | 5}${string}` & '400';
    const said = responses[status] as { description: string } | undefined;
    const description = `${said ? `${said.description}; ` : ''}\`${kind}\`: ${problems[kind][1]}`;
    responses[status] = { description, content: { 'application/problem+json': { schema: problem } } };
  }
  for (const [status, schema] of Object.entries(endpoint.answers)) {
    if (schema === problem) continue;
    responses[status as '200'] = {
      description: { 200: 'Done', 201: 'Created', 202: 'Accepted, still under way' }[status] ?? 'Done',
      content: { [typeOf(schema)]: { schema } },
    };
  }
  if (endpoint.etag) responses['304'] = { description: 'What the caller has by its If-None-Match is still so' };
  const header = endpoint.idempotencyKey && {
    header: z.object({ 'Idempotency-Key': keyHeader(endpoint.idempotencyKey === 'required') }),
  };
  return {
    operationId: operationId(method, path),
    tags: [path.split('/')[2] ?? 'other'],
    summary: endpoint.summary,
    description: roles.length > 0 ? `Roles: ${roles.join(', ')}.` : undefined,
    requestParams: {
      ...(endpoint.params && { path: endpoint.params as z.ZodObject }),
      ...(endpoint.query && { query: endpoint.query as z.ZodObject }),
      ...header,
    },
    ...(endpoint.body && {
      requestBody: { required: true, content: { [typeOf(endpoint.body)]: { schema: endpoint.body } } },
    }),
    ...(endpoint.raw && {
      requestBody: { required: true, content: { 'application/json': { schema: z.looseObject({}) } } },
    }),
    responses,
    security: [
      ...(roles.length > 0 ? [{ staff: [] }] : []),
      ...(audience.includes('owner') ? [{ owner: [] }] : []),
      ...(audience.includes('customer') ? [{ customer: [] }] : []),
      // Without a token as well.
      ...(audience.includes('customer') && audience.includes('public') ? [{}] : []),
    ],
  };
}

function typeOf(schema: z.ZodType): string {
  if (schema === csvFile) return 'text/csv';
  return schema === pdfFile ? 'application/pdf' : 'application/json';
}

function keyHeader(required: boolean) {
  const key = z.string().min(16).max(255).meta({
    description: 'A random value for each new request; a repeat with the same one gets the first answer',
    example: '3f1c2a9e-6f0b-4a52-9a52-0d7c1c1f4c55',
  });
  return required ? key : key.optional();
}

/** What follows from the route's shape, and what the endpoint adds. */
function problemsOf({ permission, endpoint }: Route): ProblemKind[] {
  const audience: readonly string[] = permissions[permission];
  const closed = !audience.includes('public') && !audience.includes('signed');
  return [
    ...(endpoint.body || endpoint.query ? (['invalid-request'] as const) : []),
    ...(endpoint.body && endpoint.body !== csvFile ? (['invalid-json'] as const) : []),
    ...(endpoint.body ? (['too-large', 'unsupported-media-type'] as const) : []),
    ...(endpoint.raw ? (['too-large'] as const) : []),
    ...(endpoint.idempotencyKey === 'required' ? (['idempotency-key-missing'] as const) : []),
    ...(endpoint.idempotencyKey ? (['idempotency-key-reused'] as const) : []),
    ...(closed || audience.includes('customer') ? (['unauthenticated'] as const) : []),
    ...(closed ? (['forbidden'] as const) : []),
    ...(endpoint.params ? (['not-found'] as const) : []),
    ...(endpoint.problems ?? []),
    'unavailable',
  ];
}

/** `POST /v1/orders/:id/returns` becomes `postOrdersIdReturns`. */
function operationId(method: string, path: string): string {
  const words = path.split(/[^A-Za-z]+/).filter((word) => word !== '' && word !== 'v');
  return method.toLowerCase() + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
}

const initializer = `window.onload = () => {
  SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });
};`;

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Waybill API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/initializer.js"></script>
</body>
</html>`;

/** Scripts from here only; Swagger UI writes styles into the page and draws its icons from data. */
const docsPolicy = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
});

export function serveDocs(app: Express, routes: readonly Route[]): void {
  const document = JSON.stringify(createOpenApi(routes));
  const require = createRequire(import.meta.url);
  const assets = dirname(require.resolve('swagger-ui-dist/package.json'));
  app.get('/openapi.json', (_request, response) => {
    response.type('application/json').send(document);
  });
  app.use('/docs', docsPolicy);
  app.get('/docs', (_request, response) => {
    response.type('html').send(page);
  });
  app.get('/docs/initializer.js', (_request, response) => {
    response.type('text/javascript').send(initializer);
  });
  app.use('/docs', express.static(assets, { index: false, maxAge: '1h' }));
}
