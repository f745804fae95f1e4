import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { routes } from '../../api/app.ts';
import { permissions } from '../../api/auth.ts';
import { startApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

test('the document is OpenAPI 3.1, complete and without loose ends', async () => {
  const { status, body: document } = await api.ask('GET', '/openapi.json');
  expect(status).toBe(200);
  expect(document.openapi).toMatch(/^3\.1\.\d$/);
  expect(document.info).toMatchObject({ title: 'Waybill', version: expect.any(String) });

  const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  expect(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort()).toEqual(
    routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`).sort(),
  );

  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, method, operation } of operations) {
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(inPath.map(({ name }) => name).sort()).toEqual(
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort(),
    );
    for (const parameter of inPath) expect(parameter.required).toBe(true);
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining([expect.stringMatching(/^2/), '503']));
    for (const response of Object.values(operation.responses)) expect(response.description).not.toBe('');
    const row = routes.find(
      (route) => route.method.toLowerCase() === method && route.path.replace(/:(\w+)/g, '{$1}') === path,
    )!;
    const audience: readonly string[] = permissions[row.permission];
    expect(operation.security.some((scheme) => 'owner' in scheme)).toBe(audience.includes('owner'));
    const key = (operation.parameters ?? []).find(({ name }) => name === 'Idempotency-Key');
    expect(key?.required ?? false).toBe(row.endpoint.idempotencyKey === 'required');
  }

  for (const [, target] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    expect(target!.split('/').reduce((node, name) => node?.[name], document)).toBeDefined();
  }
  // Requests take no unknown fields, and the document says so.
  const placing = document.paths['/v1/orders'].post.requestBody.content['application/json'].schema;
  expect(placing).toMatchObject({ type: 'object', additionalProperties: false });
  expect(document.components.schemas.Problem.required).toEqual(expect.arrayContaining(['type', 'title', 'status']));
});

test('the interactive pages come from here, and may run nothing else', async () => {
  const page = await api.ask('GET', '/docs');
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
  const parts = [...String(page.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part!);
  expect(parts.length).toBeGreaterThan(3);
  for (const part of parts) expect((await fetch(`${api.url}${part}`)).status).toBe(200);
  expect(page.body).not.toMatch(/<script>|https?:/);
});

test('health, figures and request ids', async () => {
  expect((await api.ask('GET', '/livez')).status).toBe(200);
  expect((await api.ask('GET', '/readyz')).body).toEqual({ status: 'ready', mongodb: 'ok', temporal: 'ok' });
  const given = await api.ask('GET', '/v1/products', { headers: { 'x-request-id': 'request-0001' } });
  expect(given.headers.get('x-request-id')).toBe('request-0001');
  const strange = await api.ask('GET', '/v1/products/NONE', { headers: { 'x-request-id': 'not sane; at all' } });
  expect(strange.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(given.headers.get('x-powered-by')).toBeNull();
  const { body: figures } = await api.ask('GET', '/metrics');
  expect(figures).toMatch(/waybill_http_requests_total\{method="GET",route="\/v1\/products\/:sku",status="404"\} 1/);
  expect(figures).toContain('waybill_http_request_duration_seconds_bucket');
  expect(figures).toContain('process_cpu_seconds_total');
});

interface Operation {
  operationId: string;
  parameters?: { in: string; name: string; required?: boolean }[];
  responses: Record<string, { description: string }>;
  security: Record<string, unknown>[];
}
