import { randomInt } from 'node:crypto';

/** `WB`, thirteen digits and a check digit, so that a misread or mistyped number is not another parcel's. */
export function newTrackingNumber(): string {
  const digits = `${randomInt(10 ** 6, 10 ** 7)}${randomInt(10 ** 5, 10 ** 6)}`;
  return `WB${digits}${checkDigit(digits)}`;
}

export function isTrackingNumber(text: string): boolean {
  const digits = /^WB(\d{13})(\d)$/.exec(text);
  return digits !== null && checkDigit(digits[1]!) === Number(digits[2]);
}

/** As GS1 does it: every other digit counts threefold, and the sum with the check digit is a multiple of ten. */
function checkDigit(digits: string): number {
  const sum = [...digits].reverse().reduce((all, digit, at) => all + Number(digit) * (at % 2 === 0 ? 3 : 1), 0);
  return (10 - (sum % 10)) % 10;
}
