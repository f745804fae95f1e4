/** Barcodes of products: GTINs with their check digit, and codes of our own. */

export type ParsedBarcode = { ok: true; barcode: string } | { ok: false; why: string };

/**
 * The last digit of a GTIN, from the digits before it.
 * https://www.gs1.org/services/how-calculate-check-digit-manually
 */
export function checkDigitOf(digits: string): number {
  if (!/^\d+$/.test(digits)) throw new RangeError(`A check digit is made of digits, not of "${digits}"`);
  const sum = [...digits].reverse().reduce((all, digit, index) => all + Number(digit) * (index % 2 === 0 ? 3 : 1), 0);
  return (10 - (sum % 10)) % 10;
}

/**
 * The barcode of a product, typed or scanned: a GTIN-8, 12, 13 or 14, or a code of our own of 1 to 64 visible ASCII
 * characters. What a scanner adds (see barcodeKey) is no part of it. Digits of a GTIN's length have to be a GTIN: a code
 * of our own could be somebody's GTIN by chance, and a GTIN that was typed wrongly would pass for a code of our own.
 */
export function parseBarcode(text: string): ParsedBarcode {
  const barcode = withoutFrame(text);
  if (barcode === '') return { ok: false, why: 'The barcode is empty' };
  if (!/^[\x21-\x7e]+$/.test(barcode)) {
    const why = `${JSON.stringify(barcode)} cannot be printed as a barcode: only letters of ASCII, digits and signs, no spaces`;
    return { ok: false, why };
  }
  if (barcode.length > longest)
    return { ok: false, why: `The barcode ${barcode} has ${barcode.length} characters: at most ${longest}` };
  if (gtinLengths.test(barcode) && !isGtin(barcode)) {
    const right = checkDigitOf(barcode.slice(0, -1));
    const why = `${barcode} is as long as a GTIN, which would end in ${right}: read it again, or give it another length`;
    return { ok: false, why };
  }
  return { ok: true, barcode };
}

const longest = 64;

/**
 * What two equal barcodes have in common, whichever way they were printed, typed or scanned. GTINs are padded to 14
 * digits. Left out is what a scanner adds: white space and control characters around, the AIM identifier of the symbology
 * (`]E0`, `]C1`), and in GS1 symbols what is around the GTIN (its application identifier 01, lot, expiry).
 *
 * Where nothing says that the text is GS1's (the AIM identifier, a leading separator, the brackets of `(01)`), only 01
 * with a GTIN and nothing after it counts as one: a longer text may be a code of our own. Left as they are: a GTIN that
 * is not at the beginning of its symbol, web addresses with one (GS1 Digital Link), add-ons of magazines, and UPC-E in
 * its short form: scanners can be told to send it as UPC-A.
 */
export function barcodeKey(text: string): string {
  const barcode = withoutFrame(text);
  return isGtin(barcode) ? barcode.padStart(14, '0') : barcode;
}

const gtinLengths = /^(\d{8}|\d{12,14})$/;

function isGtin(text: string): boolean {
  return gtinLengths.test(text) && checkDigitOf(text.slice(0, -1)) === Number(text.at(-1));
}

/** GS1's data in Code 128, DataBar, Data Matrix, QR and DotCode; and the separator that a scanner sends for GS1's sign. */
const signsOfGs1 = [']C1', ']e0', ']d2', ']Q3', ']J1', '\x1d'];

function withoutFrame(text: string): string {
  const frame = text.match(/^(?:[\s\p{Cc}]|\][A-Za-z][0-9A-F])*/u)![0];
  const data = text.slice(frame.length).replace(/[\s\p{Cc}]+$/u, '');
  const isGs1 = signsOfGs1.some((sign) => frame.includes(sign));
  const element = /^\(01\)(\d{14})(?=\(|$)/.exec(data) ?? (isGs1 ? /^01(\d{14})/ : /^01(\d{14})$/).exec(data);
  const gtin = element?.[1];
  return gtin !== undefined && isGtin(gtin) ? gtin : data;
}
