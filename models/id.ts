import { ulid } from 'ulid';

/** Time-sortable, with 80 random bits: nothing that a caller sent can guess it. */
export function newId(
  prefix:
    | 'ord'
    | 'shp'
    | 'ret'
    | 'pay'
    | 'ref'
    | 'tok'
    | 'mov'
    | 'dlv'
    | 'edt'
    | 'trf'
    | 'cnt'
    | 'imp'
    | 'req'
    | 'note'
    | 'quo'
    | 'line'
    | 'cus'
    | 'crd'
    | 'set'
    | 'inv'
    | 'pkl'
    | 'wav'
    | 'pcl'
    | 'cla'
    | 'clm'
    | 'man',
): string {
  return `${prefix}_${ulid()}`;
}
