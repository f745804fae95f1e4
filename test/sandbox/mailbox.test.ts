import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createMailer } from '../../activities/providers/mail.ts';
import { startMailbox } from '../../sandbox/mailbox.ts';

let folder: string;
let mailbox: Awaited<ReturnType<typeof startMailbox>>;
let mailer: ReturnType<typeof createMailer>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waybill-mailbox-'));
  await start();
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start() {
  mailbox = await startMailbox({ journalFile: join(folder, 'mailbox.jsonl') });
  mailer = createMailer({ smtpUrl: mailbox.smtpUrl, from: 'The Store <store@shop.example>' });
}
async function stop() {
  mailer.close();
  await mailbox.stop();
}
async function inbox(to: string) {
  return (await fetch(`${mailbox.url}/messages?to=${encodeURIComponent(to)}`)).json();
}
const fault = (body: unknown) =>
  fetch(`${mailbox.url}/_sandbox/faults`, { method: 'POST', body: JSON.stringify(body) });

const umlauts =
  'Grüße: your order “ord_1” — a subject long enough to be folded over several lines, 注文が届きました, 本当に';
const long = `Hello Zoë,\n\n${'A line = that is long, and has to be broken somewhere. '.repeat(10)}\n.\n..and dots\n\nBye 👋`;

test('a mail arrives as it was written, survives a restart, and repeated is listed once', async () => {
  const mail = {
    to: 'zoe@example.com',
    subject: umlauts,
    text: long,
    html: `<p>${'Zoë & Co. '.repeat(50)}</p>`,
    messageId: 'order-confirmed/ord_1:1',
    language: 'de',
    replyTo: 'help@shop.example',
  };
  await mailer.send(mail);
  await stop();
  await start();
  await mailer.send(mail);
  await mailer.send({ to: 'max@example.com', subject: 'Plain', text: 'Just text', messageId: 'k2' });

  expect(await inbox('ZOE@example.com')).toEqual([
    {
      messageId: '<order-confirmed%2Ford_1%3A1@shop.example>',
      from: 'store@shop.example',
      to: ['zoe@example.com'],
      subject: umlauts,
      text: long,
      html: mail.html,
      headers: expect.objectContaining({
        'auto-submitted': 'auto-generated',
        'content-language': 'de',
        'reply-to': 'help@shop.example',
      }),
      receivedAt: expect.any(String),
      copies: 2,
    },
  ]);
  expect(await inbox('max@example.com')).toMatchObject([{ subject: 'Plain', text: 'Just text', copies: 1 }]);
});

test('the page shows mails and runs nothing that stands in them', async () => {
  await mailer.send({ to: 'a@example.com', subject: '<script>1</script>', text: '<img src=x>', messageId: 'xss' });
  const response = await fetch(mailbox.url);
  const page = await response.text();
  expect(page).toContain('&lt;script&gt;1&lt;/script&gt;');
  expect(page).toContain('&lt;img src=x&gt;');
  expect(page).not.toMatch(/<script|<img/);
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  const html = '<p>Hello</p><script>1</script>';
  await mailer.send({ to: 'a@example.com', subject: 'x', text: 'Hello', html, messageId: 'html' });
  const shown = await fetch(`${mailbox.url}/html?id=${encodeURIComponent('<html@shop.example>')}`);
  expect(await shown.text()).toBe(html);
  expect(shown.headers.get('content-security-policy')).toMatch(/^default-src 'none';.* sandbox/);
  expect((await fetch(`${mailbox.url}/html?id=xss`)).status).toBe(404);
});

test('no header and no recipient can be smuggled in', async () => {
  const subject = 'Hi\r\nBcc: thief@example.com\r\n\r\nbody';
  await mailer.send({ to: 'b@example.com', subject, text: 'x', messageId: 'k\r\nBcc: thief@example.com' });
  expect(await inbox('b@example.com')).toMatchObject([{ to: ['b@example.com'], text: 'x' }]);
  for (const to of ['c@example.com, thief@example.com', 'c@example.com\r\nRCPT TO:<thief@example.com>']) {
    await mailer.send({ to, subject: 'x', text: 'x', messageId: to, replyTo: to }).catch(() => 'refused is as good');
  }
  expect(await inbox('thief@example.com')).toEqual([]);
});

test('on demand it refuses, and it answers late', async () => {
  const mail = { to: 'f@example.com', subject: 'x', text: 'x', messageId: 'fault' };
  expect((await fault({ kind: 'explode' })).status).toBe(400);
  await fault({ kind: 'refuse' });
  await expect(mailer.send(mail)).rejects.toThrow(/451/);
  expect(await inbox(mail.to)).toEqual([]);

  await fault({ kind: 'slow', ms: 300 });
  const began = Date.now();
  await mailer.send(mail);
  expect(Date.now() - began).toBeGreaterThanOrEqual(290);
  expect(await inbox(mail.to)).toMatchObject([{ copies: 1 }]);
  expect(await (await fetch(`${mailbox.url}/_sandbox/faults`)).json()).toMatchObject({
    faults: [
      { kind: 'refuse', fired: 1 },
      { kind: 'slow', fired: 1 },
    ],
  });
});
