import { decideDispute, evidenceFields, updateDispute } from '../disputes.ts';
import { bool, metadata } from '../params.ts';
import { find, readable, route } from '../route.ts';

export const disputeRoutes = [
  ...readable('dispute', (store) => store.disputes, ['charge', 'payment_intent']),
  route(
    'POST disputes/:id',
    'disputes.update',
    'dispute',
    { evidence: evidenceFields, metadata, submit: bool },
    (store, params, id) => updateDispute(store, find(store.disputes, 'dispute', id), params),
  ),
  route('POST disputes/:id/close', 'disputes.close', 'dispute', {}, (store, _, id) =>
    decideDispute(store, find(store.disputes, 'dispute', id), 'lost'),
  ),
];
