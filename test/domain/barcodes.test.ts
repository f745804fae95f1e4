import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { barcodeKey, checkDigitOf, parseBarcode } from '../../workflows/domain/barcodes.ts';

const digitsOf = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: length, maxLength: length });
const anyGtin = fc
  .constantFrom(8, 12, 13, 14)
  .chain((length) => digitsOf(length - 1))
  .map((digits) => `${digits}${checkDigitOf(digits)}`);
const ownCode = fc
  .string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 64,
  })
  .filter((code) => !/^(\d{8}|\d{12,14}|\].*|\(01\).*|01\d{14})$/.test(code));

describe('the check digit', () => {
  test.each([
    ['400638133393', 1],
    ['01234567890', 5],
    ['9638507', 4],
    ['1061414100041', 5],
    ['0000000', 0],
  ])('of %s is %d', (digits, check) => {
    expect(checkDigitOf(digits)).toBe(check);
  });

  test.each(['', '12a', ' 12', '١٢'])('of "%s" there is none', (digits) => {
    expect(() => checkDigitOf(digits)).toThrow(RangeError);
  });

  test('finds any one digit that is wrong', () => {
    fc.assert(
      fc.property(anyGtin, fc.nat(13), fc.integer({ min: 1, max: 9 }), (gtin, place, change) => {
        const at = place % gtin.length;
        const wrong = gtin.slice(0, at) + ((Number(gtin[at]) + change) % 10) + gtin.slice(at + 1);
        expect(parseBarcode(wrong).ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  test('finds two neighbours in the wrong order, but where they are 5 apart', () => {
    fc.assert(
      fc.property(anyGtin, fc.nat(12), (gtin, place) => {
        const at = place % (gtin.length - 1);
        const [one, other] = [gtin[at]!, gtin[at + 1]!];
        const swapped = gtin.slice(0, at) + other + one + gtin.slice(at + 2);
        expect(parseBarcode(swapped).ok).toBe([0, 5].includes(Math.abs(Number(one) - Number(other))));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a barcode', () => {
  test.each([
    '96385074',
    '012345678905',
    '4006381333931',
    '10614141000415',
    'MUG-BLUE',
    '1',
    '1234567',
    '123456789',
    'x'.repeat(64),
  ])('%s is one', (text) => {
    expect(parseBarcode(text)).toEqual({ ok: true, barcode: text });
  });

  test.each([
    ['4006381333932', /end in 1/],
    ['12345678', /end in 0/],
    ['', /empty/],
    [' \r\n', /empty/],
    [']C1', /empty/],
    ['A B', /spaces/],
    ['Käse', /ASCII/],
    ['x'.repeat(65), /65 characters: at most 64/],
  ])('%j is none, and it says why', (text, why) => {
    expect(parseBarcode(text)).toEqual({ ok: false, why: expect.stringMatching(why) });
  });

  test.each([
    [' 4006381333931\r\n', '4006381333931'],
    [']E04006381333931', '4006381333931'],
    [']C0MUG-BLUE', 'MUG-BLUE'],
    [']C101040063813339311726010110LOT', '04006381333931'],
  ])('is %j without what the scanner adds: %s', (text, barcode) => {
    expect(parseBarcode(text)).toEqual({ ok: true, barcode });
  });
});

describe('the key', () => {
  test.each([
    ['012345678905', '00012345678905', 'UPC-A'],
    ['0012345678905', '00012345678905', 'the same as EAN-13'],
    [']E00012345678905', '00012345678905', 'with its symbology'],
    ['96385074', '00000096385074', 'EAN-8'],
    [']E496385074', '00000096385074', 'EAN-8 with its symbology'],
    [']I110614141000415', '10614141000415', 'the ITF-14 of a carton is another product'],
    ['\t4006381333931\r\n', '04006381333931', 'keys that the scanner presses'],
    [']C10104006381333931', '04006381333931', 'GS1-128'],
    [']e00104006381333931', '04006381333931', 'DataBar'],
    [']d201040063813339311726123110LOT\x1d21SERIAL', '04006381333931', 'Data Matrix with lot and serial number'],
    ['\x1d01040063813339311726123110LOT', '04006381333931', 'GS1 without its symbology, with the separator'],
    ['(01)04006381333931', '04006381333931', 'as it is printed below the bars'],
    ['(01)04006381333931(17)261231(10)LOT', '04006381333931', 'as it is printed, with more'],
    ['0104006381333931', '04006381333931', 'GS1 without its symbology, but with nothing else'],
    ['01040063813339311726123110LOT', '01040063813339311726123110LOT', 'may be a code of our own'],
    ['0104006381333932', '0104006381333932', 'a wrong check digit'],
    [']C100340123450000000018', '00340123450000000018', 'the number of a pallet is no product'],
    [']C0MUG-BLUE', 'MUG-BLUE', 'Code 128'],
    ['mug-blue', 'mug-blue', 'a code of our own as it is'],
    ['4006381333932', '4006381333932', 'a wrong GTIN equals itself only'],
    [']', ']', 'no identifier'],
    ['https://id.gs1.org/01/04006381333931', 'https://id.gs1.org/01/04006381333931', 'a web address'],
  ])('of %j is %j: %s', (text, key) => {
    expect(barcodeKey(text)).toBe(key);
  });

  test('two products have the same only where their GTINs are the same number', () => {
    fc.assert(
      fc.property(anyGtin, anyGtin, (a, b) => {
        expect(barcodeKey(a) === barcodeKey(b)).toBe(BigInt(a) === BigInt(b));
        expect(barcodeKey(a)).toMatch(/^\d{14}$/);
      }),
    );
    fc.assert(
      fc.property(ownCode, ownCode, (a, b) => {
        expect(barcodeKey(a) === barcodeKey(b)).toBe(a === b);
      }),
    );
  });

  test('however a scanner sends it, it is that of the barcode that was stored', () => {
    const before = fc.constantFrom('', ' ', '\t', ']C0', ']E0', ']Q1', ' ]A0');
    const after = fc.constantFrom('', ' ', '\r', '\r\n', '\t', '\x04');
    fc.assert(
      fc.property(fc.oneof(anyGtin, ownCode), before, after, (barcode, prefix, suffix) => {
        const scanned = `${prefix}${barcode}${suffix}`;
        expect(barcodeKey(scanned)).toBe(barcodeKey(barcode));
        expect(parseBarcode(scanned)).toEqual({ ok: true, barcode });
      }),
      { numRuns: 1_000 },
    );
  });

  test('of any text can be asked again, and gives itself', () => {
    const part = fc.constantFrom(
      ']C1',
      ']E0',
      '01',
      '(01)',
      '04006381333931',
      '012345678905',
      ' ',
      '\x1d',
      'A',
      '(',
      ']',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const key = barcodeKey(text);
        expect(barcodeKey(key)).toBe(key);
        const parsed = parseBarcode(text);
        if (parsed.ok) expect(barcodeKey(parsed.barcode)).toBe(key);
      }),
      { numRuns: 2_000 },
    );
  });
});
