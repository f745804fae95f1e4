/** Editing orders over the real API, as support does it unless a token says otherwise. */
import { createToken } from '../../activities/staff-tokens.ts';
import { linkToken } from '../../platform/link-token.ts';
import { config } from '../api/support.ts';
import { type Answered, serve } from './serve.ts';
import type { World } from './world.ts';

export async function createEditor(world: World) {
  const api = await serve(world);
  const support = (await createToken(world.mongo, 'support')).token;
  const at = (orderId: string) => `/v1/orders/${orderId}/edits`;

  const preview = (orderId: string, body: object, token = support) => api.ask('POST', at(orderId), body, token);
  const confirm = (orderId: string, editId: string, body: object = {}, token = support) =>
    api.ask('POST', `${at(orderId)}/${editId}/confirm`, body, token);
  const look = (orderId: string, editId: string, token = support) =>
    api.ask('GET', `${at(orderId)}/${editId}`, undefined, token);

  async function previewed(orderId: string, body: object, token = support): Promise<string> {
    const { status, body: answer } = await preview(orderId, body, token);
    if (status !== 201) throw new Error(`The preview was answered ${status}: ${answer.detail}`);
    return answer.id;
  }

  /** Previewed and confirmed. */
  async function edit(orderId: string, body: object, by: object = {}): Promise<Answered> {
    return confirm(orderId, await previewed(orderId, body), by);
  }

  const ownerOf = (orderId: string) => linkToken(config.WAYBILL_SECRET, orderId);
  return { api, support, preview, previewed, confirm, look, edit, ownerOf };
}
