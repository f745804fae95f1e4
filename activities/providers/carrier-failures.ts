/** What a failure of a carrier means: a refusal that a person has to look at, an answer in itself, or something to try again. */
import { ApplicationFailure } from '@temporalio/common';
import { failures } from '../../workflows/domain/failures.ts';

/** An answer other than a good one, or none. Never with the carrier's words, which may quote an address. */
export interface Failed {
  /** Who was asked for what, such as `carrier: POST /labels`. */
  asked: string;
  /** Absent where no answer came that could be read. */
  status?: number | undefined;
  code?: string | undefined;
}

interface Rule {
  /** Without this, all. */
  statuses?: readonly number[];
  /** Without this, any, and none. */
  codes?: readonly string[];
  means:
    | 'key refused'
    /** The label has travelled, and cannot be given back. */
    | 'used'
    /** An earlier try has bought the label, or is about to: how the shipment stands says which. */
    | 'read again'
    /** The carrier does not go there, or not with this parcel: no rates. For a label it is a refusal. */
    | 'not served'
    /** The carrier knows nothing of addresses there. For anything but a check of one it is a refusal. */
    | 'not checked'
    /** For good: a person has to look at it. */
    | 'refused'
    | 'try again';
}

/** The first that fits. Codes in small letters are the sandbox's, the others EasyPost's: https://docs.easypost.com/docs/errors */
export const rules: readonly Rule[] = [
  { statuses: [401, 403], means: 'key refused' },
  { codes: ['label_in_use', 'SHIPMENT.REFUND.UNAVAILABLE'], means: 'used' },
  { codes: ['SHIPMENT.POSTAGE.EXISTS'], means: 'read again' },
  {
    codes: ['address_not_serviceable', 'currency_not_supported', 'too_heavy', 'ADDRESS.COUNTRY.INVALID'],
    means: 'not served',
  },
  { codes: ['ADDRESS.VERIFY.INTL_NOT_ENABLED', 'ADDRESS.VERIFY.ONLY_US'], means: 'not checked' },
  {
    // EasyPost answers 4xx also where whoever is behind it did not answer in time.
    codes: [
      ...['SHIPMENT.POSTAGE.NO_RESPONSE', 'SHIPMENT.POSTAGE.TIMED_OUT', 'SHIPMENT.PURCHASE.IN_PROGRESS'],
      ...['REFUND.NO_RESPONSE', 'ADDRESS.VERIFY.UNAVAILABLE', 'ADDRESS.VERIFY.UPSTREAM_UNAVAILABLE'],
    ],
    means: 'try again',
  },
  { statuses: [400, 402, 404, 405, 422], means: 'refused' },
  // The same request is still on its way, too many requests, 5xx, no answer.
  { means: 'try again' },
];

export function meaningOf({ status, code }: Pick<Failed, 'status' | 'code'>): Rule['means'] {
  const fits = ({ statuses, codes }: Rule) =>
    (!statuses || statuses.includes(status ?? 0)) && (!codes || codes.includes(code ?? ''));
  return rules.find(fits)!.means;
}

/** What to throw: non-retryable with a code in its details, or a plain error, to be tried again. */
export function failureOf(failed: Failed): Error {
  const { asked, status, code } = failed;
  switch (meaningOf(failed)) {
    case 'try again':
      return new Error(
        [asked, status === undefined ? 'got no answer that can be read' : `answered ${status}`, code].join(' ').trim(),
      );
    case 'key refused':
      return refusal(`${asked} answered ${status}: check the carrier's API key and what it may do`, 'api_key_refused');
    default:
      return refusal(`${asked} was refused: ${code ?? `http_${status}`}`, code ?? `http_${status}`);
  }
}

export function isRefusal(error: unknown): error is ApplicationFailure {
  return error instanceof ApplicationFailure && error.type === failures.carrierRefused;
}

/** For what asking the same again cannot cure. */
export function refusal(message: string, code: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, failures.carrierRefused, { code });
}
