/** What pickers do: take a list, scan what they pick, give the list back. */
import { renderPickList } from '../../activities/papers/pick-list.ts';
import {
  disband,
  giveBack,
  holderOf,
  makePickList,
  PickListRefused,
  takeList,
  takeNext,
} from '../../activities/picking/lists.ts';
import { readPickList } from '../../activities/picking/read.ts';
import { PickRefused, type PickResult, reportShort, scanPick } from '../../activities/picking/scans.ts';
import { releaseWave } from '../../activities/picking/waves.ts';
import { newId } from '../../models/id.ts';
import type { PickList } from '../../models/pick-list.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { actorOf, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { once } from '../idempotency.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import { Problem } from '../problem.ts';
import { pdfFile } from '../schemas/common.ts';
import * as schema from '../schemas/pick-lists.ts';
import { checkGoods } from './goods.ts';

export const createWave = endpoint({
  summary: 'Put open shipments on pick lists, the most urgent first',
  body: schema.waveBody,
  idempotencyKey: 'required',
  answers: { 201: schema.wave },
  problems: ['unknown-warehouse'],
  async handle({ mongo }, { body: { warehouseId, dispatchBefore, ...given }, caller, idempotency }) {
    await checkGoods(mongo, [], [warehouseId]);
    const rules = { ...given, ...(dispatchBefore !== undefined && { dispatchBefore: new Date(dispatchBefore) }) };
    return once(mongo, idempotency!, newId('wav'), async (waveId) => {
      const lists = await releaseWave(mongo, { waveId, warehouseId, rules, actor: actorOf(caller) });
      const shipments = await mongo.models.shipments.countDocuments({
        pickListId: { $in: lists.map(({ _id }) => _id) },
      });
      return reply(201, { id: waveId, shipments, pickLists: lists.map(viewSummary) });
    });
  },
});

export const createPickList = endpoint({
  summary: 'Have these shipments picked together, or one alone',
  body: schema.pickListBody,
  idempotencyKey: 'required',
  answers: { 201: schema.pickList },
  problems: ['not-allowed-now'],
  async handle({ mongo }, { body, caller, idempotency }) {
    return once(mongo, idempotency!, newId('pkl'), async (id) => {
      await refused(() => makePickList(mongo, { id, ...body, actor: actorOf(caller) }));
      return reply(201, await read(mongo, id));
    });
  },
});

export const listPickLists = endpoint({
  summary: 'Pick lists, the newest first',
  query: schema.pickListQuery,
  answers: { 200: schema.pickListPage },
  async handle({ mongo }, { query: { warehouseId, waveId, free, limit, cursor } }) {
    const found = await mongo.models.pickLists
      .find({
        ...(warehouseId && { warehouseId }),
        ...(waveId && { waveId }),
        ...(free && { isFree: free === 'true' }),
        ...afterNewest(cursor),
      })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<PickList[]>();
    const { items, next } = page(found, limit, newestKeys);
    return reply(200, { pickLists: items.map(viewSummary), next });
  },
});

export const getPickList = endpoint({
  summary: 'A pick list, in walking order',
  params: schema.pickListParams,
  answers: { 200: schema.pickList },
  async handle({ mongo }, { params }) {
    return reply(200, await read(mongo, params.id));
  },
});

export const getPickListPdf = endpoint({
  summary: 'The same on paper, with barcodes',
  params: schema.pickListParams,
  query: schema.paperQuery,
  answers: { 200: pdfFile },
  async handle({ mongo }, { params, query: { paper } }) {
    const found = await readPickList(mongo, params.id);
    if (!found) throw notFound();
    const pdf = await renderPickList(found.printed, paper);
    return reply(200, pdf, { 'content-disposition': `inline; filename="${params.id}.pdf"` });
  },
});

export const takeNextPickList = endpoint({
  summary: 'Take the most urgent list that nobody has; who has one with work left gets that',
  body: schema.nextBody,
  answers: { 200: schema.pickList },
  problems: ['not-found', 'unknown-warehouse'],
  async handle({ mongo }, { body: { warehouseId }, caller }) {
    await checkGoods(mongo, [], [warehouseId]);
    const list = await takeNext(mongo, { warehouseId, actor: actorOf(caller) });
    if (!list) throw new Problem('not-found', `Nothing is to be picked in ${warehouseId}: release a wave`);
    return reply(200, await read(mongo, list._id));
  },
});

export const takePickList = endpoint({
  summary: 'Take a list, or take it over from another picker',
  params: schema.pickListParams,
  body: schema.takeBody,
  answers: { 200: schema.pickList },
  problems: ['not-allowed-now'],
  async handle({ mongo }, { params: { id }, body: { takeOver }, caller }) {
    const taken = await refused(() => takeList(mongo, { listId: id, actor: actorOf(caller), takeOver }));
    if (!taken) throw notFound();
    return reply(200, await read(mongo, id));
  },
});

export const releasePickList = endpoint({
  summary: 'Give a list back: what is left of it is for somebody else',
  params: schema.pickListParams,
  answers: { 200: schema.pickList },
  problems: ['not-allowed-now'],
  async handle({ mongo }, { params: { id }, caller }) {
    const given = await refused(() => giveBack(mongo, { listId: id, actor: actorOf(caller) }));
    if (!given) throw notFound();
    return reply(200, await read(mongo, id));
  },
});

export const disbandPickList = endpoint({
  summary: 'Take everything from a list that nobody has begun to pick: it is open for other lists',
  params: schema.pickListParams,
  answers: { 200: schema.pickList },
  async handle({ mongo }, { params: { id } }) {
    await disband(mongo, id);
    return reply(200, await read(mongo, id));
  },
});

export const scanItem = endpoint({
  summary: 'Scan picked units. A scan sent again counts once',
  params: schema.pickListParams,
  body: schema.scanBody,
  answers: { 200: schema.scanned },
  problems: ['picking-refused'],
  async handle({ mongo }, { params, body: { madeAt, ...scan }, caller }) {
    return scanned(() => scanPick(mongo, { listId: params.id, ...scan, ...by(caller, madeAt) }));
  },
});

export const reportShortage = endpoint({
  summary:
    'Say that what is left of a product cannot be picked; what was picked of it stays, also where that is nothing',
  params: schema.pickListParams,
  body: schema.shortBody,
  answers: { 200: schema.scanned },
  problems: ['picking-refused'],
  async handle({ mongo }, { params, body: { madeAt, ...short }, caller }) {
    return scanned(() => reportShort(mongo, { listId: params.id, ...short, ...by(caller, madeAt) }));
  },
});

/** A clock that is ahead says nothing. */
function by(caller: Parameters<typeof actorOf>[0], madeAt: string | undefined): { actor: string; madeAt: Date } {
  const now = Date.now();
  return { actor: actorOf(caller), madeAt: new Date(Math.min(now, madeAt === undefined ? now : Date.parse(madeAt))) };
}

async function scanned(scan: () => Promise<PickResult>) {
  try {
    return reply(200, await scan());
  } catch (error) {
    if (!(error instanceof PickRefused)) throw error;
    if (error.code === 'unknown_list') throw notFound();
    throw new Problem('picking-refused', error.message, { code: error.code, expected: error.expected });
  }
}

async function refused<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof PickListRefused ? new Problem('not-allowed-now', error.message) : error;
  }
}

async function read(mongo: Mongo, id: string) {
  const found = await readPickList(mongo, id);
  if (!found) throw notFound();
  const { list, status, shipments, lines } = found;
  return { ...viewSummary(list), status, shipments, lines };
}

function viewSummary(list: PickList) {
  const { _id: id, warehouseId, kind, waveId, createdAt, dispatchBy, priority, units } = list;
  const times = { createdAt: createdAt.toISOString(), dispatchBy: dispatchBy.toISOString() };
  return { id, warehouseId, kind, waveId, ...times, priority, units, assignee: holderOf(list) };
}
