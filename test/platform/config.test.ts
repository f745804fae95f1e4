import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../platform/config.ts';

const complete = {
  ...{ CARRIER_URL: 'http://carrier.example', CARRIER_API_KEY: 'key', SMTP_URL: 'smtp://mail', MAIL_FROM: 'a@b.c' },
  ...{ PUBLIC_URL: 'https://shop.example', WAYBILL_SECRET: 'x'.repeat(32) },
};
const before = { ...process.env };
beforeEach(() => {
  Object.assign(process.env, complete);
});
afterEach(() => {
  process.env = { ...before };
});

describe('the carriers', () => {
  const without = (...names: (keyof typeof complete | 'EASYPOST_API_KEY')[]) => {
    for (const name of names) delete process.env[name];
  };

  test('may be EasyPost alone, or beside another', () => {
    process.env.EASYPOST_API_KEY = 'EZTK0123456789';
    expect(readConfig('providers').CARRIER_URL).toBe(complete.CARRIER_URL);
    without('CARRIER_URL', 'CARRIER_API_KEY');
    expect(readConfig('providers').CARRIER_URL).toBeUndefined();
  });

  test('are one at the least, and one without its key is none; both are said beside what else is wrong', () => {
    without('CARRIER_API_KEY', 'EASYPOST_API_KEY');
    expect(() => readConfig('providers')).toThrow(/CARRIER_API_KEY: is missing, and CARRIER_URL is set/);
    without('CARRIER_URL', 'MAIL_FROM');
    expect(() => readConfig('providers')).toThrow(/MAIL_FROM: .*\n {2}CARRIER_URL: no carrier is set up/);
  });
});

describe('a setting that may be absent', () => {
  test.each([undefined, ''])('is absent as %j', (value) => {
    if (value === undefined) delete process.env.EASYPOST_API_KEY;
    else process.env.EASYPOST_API_KEY = value;
    expect(readConfig('providers').EASYPOST_API_KEY).toBeUndefined();
  });

  test('is checked where it is there', () => {
    process.env.EASYPOST_API_KEY = 'EZTK0123456789';
    expect(readConfig('providers').EASYPOST_API_KEY).toBe('EZTK0123456789');
    process.env.EASYPOST_API_KEY = 'short';
    expect(() => readConfig('providers')).toThrow(/not complete:\n {2}EASYPOST_API_KEY: /);
  });
});
