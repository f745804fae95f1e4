/**
 * Reads the parts of a mail that a person reads (RFC 5322, 2045 to 2047): as much of MIME as mail composers write.
 * Inside, texts hold one byte a character ("latin1") until their character set is known.
 */
export function readMail(raw: Buffer): {
  messageId?: string;
  subject: string;
  text: string;
  html?: string;
  /** As they were sent, by their names in small letters. */
  headers: Record<string, string>;
} {
  const whole = splitPart(raw.toString('latin1'));
  const found: { text?: string; html?: string } = {};
  collect(whole, found);
  return {
    messageId: whole.headers.get('message-id'),
    subject: decodeWords(whole.headers.get('subject') ?? ''),
    text: found.text ?? '',
    html: found.html,
    headers: Object.fromEntries(whole.headers),
  };
}

interface Part {
  headers: Map<string, string>;
  body: string;
}

function splitPart(part: string): Part {
  const end = /\r?\n\r?\n/.exec(part);
  const head = end ? part.slice(0, end.index) : part;
  const headers = new Map<string, string>();
  for (const line of head.replace(/\r?\n(?=[ \t])/g, '').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { headers, body: end ? part.slice(end.index + end[0].length) : '' };
}

/** The first plain and the first HTML text, from however deep a nesting. */
function collect(part: Part, found: { text?: string; html?: string }): void {
  const type = part.headers.get('content-type') ?? 'text/plain';
  const boundary = parameter(type, 'boundary');
  if (/^multipart\//i.test(type) && boundary) {
    const [, ...rest] = `\r\n${part.body}`.split(`\n--${boundary}`);
    for (const inner of rest) if (!inner.startsWith('--')) collect(splitPart(inner.replace(/^[ \t]*\r?\n/, '')), found);
  } else if (/^text\/plain\b/i.test(type)) {
    found.text ??= decodeBody(part, type);
  } else if (/^text\/html\b/i.test(type)) {
    found.html ??= decodeBody(part, type);
  }
}

function decodeBody({ headers, body }: Part, type: string): string {
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase();
  const text = body.replace(/\r\n/g, '\n').trimEnd();
  const bytes =
    encoding === 'base64'
      ? Buffer.from(text, 'base64')
      : encoding === 'quoted-printable'
        ? unquote(text.replace(/=[ \t]*\n/g, ''))
        : Buffer.from(text, 'latin1');
  return new TextDecoder(parameter(type, 'charset') ?? 'utf-8').decode(bytes).replace(/\r\n/g, '\n');
}

/** `=?utf-8?Q?Gr=C3=BC=C3=9Fe?=` and its like; the space between two such words is not part of the text. */
function decodeWords(value: string): string {
  const joined = Buffer.from(value, 'latin1')
    .toString('utf8')
    .replace(/\?=\s+=\?/g, '?==?');
  return joined.replace(/=\?([^?]+)\?([bq])\?([^?]*)\?=/gi, (_, charset: string, kind: string, word: string) => {
    const bytes = kind.toLowerCase() === 'b' ? Buffer.from(word, 'base64') : unquote(word.replace(/_/g, ' '));
    return new TextDecoder(charset).decode(bytes);
  });
}

function unquote(text: string): Buffer {
  const bytes = text.replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

function parameter(type: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^;\\s]+))`, 'i').exec(type);
  return found?.[1] ?? found?.[2];
}
