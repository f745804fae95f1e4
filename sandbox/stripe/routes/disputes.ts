import { decideDispute, updateDispute } from '../disputes.ts';
import { evidenceFields } from '../evidence.ts';
import { createFile, PURPOSES, uploadedFile } from '../files.ts';
import { bool, metadata, oneOf, required } from '../params.ts';
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
  ...readable(
    'early_fraud_warning',
    (store) => store.fraudWarnings,
    ['charge', 'payment_intent'],
    'radar/early_fraud_warnings',
  ),
  ...readable('file', (store) => store.files, ['purpose']),
  route(
    'POST files',
    'files.create',
    'file',
    { file: required(uploadedFile), purpose: required(oneOf(...PURPOSES)) },
    (store, params) => createFile(store, params),
  ),
];
