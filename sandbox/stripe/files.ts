import type { Stripe } from 'stripe';
import { invalidRequest } from './errors.ts';
import { map, type Reader, text } from './params.ts';
import { newId, type Store } from './store.ts';

export const PURPOSES = [
  ...(['account_requirement', 'additional_verification', 'business_icon', 'business_logo'] as const),
  ...(['customer_signature', 'dispute_evidence', 'identity_document', 'issuing_regulatory_reporting'] as const),
  ...(['pci_document', 'platform_terms_of_service', 'tax_document_user_upload'] as const),
];
const MOST_BYTES = 5_000_000;
/** How the types that a bank takes as evidence begin. */
const BEGINNINGS: [type: string, bytes: number[]][] = [
  ['pdf', [0x25, 0x50, 0x44, 0x46]],
  ['jpg', [0xff, 0xd8, 0xff]],
  ['png', [0x89, 0x50, 0x4e, 0x47]],
];

interface Upload {
  filename: string;
  content: Buffer;
}

export const uploadedFile: Reader<Upload> = (value, param) => {
  const { filename = 'blob', content = '' } = map(value, param);
  return { filename: text(filename, param), content: Buffer.from(String(content), 'base64') };
};

export function createFile(
  store: Store,
  { file, purpose }: { file: Upload; purpose: (typeof PURPOSES)[number] },
): Stripe.File {
  const { filename, content } = file;
  const [type] = BEGINNINGS.find(([, bytes]) => bytes.every((byte, at) => content[at] === byte)) ?? [null];
  if (purpose === 'dispute_evidence' && type === null) {
    throw invalidRequest('Invalid file: dispute_evidence must be a PDF, JPEG or PNG.', { param: 'file' });
  }
  if (content.length > MOST_BYTES) {
    throw invalidRequest(`Invalid file: it must be at most ${MOST_BYTES} bytes.`, { param: 'file' });
  }
  const id = newId('file');
  return store.files.put(id, {
    id,
    object: 'file',
    created: store.now(),
    expires_at: null,
    filename,
    links: { object: 'list', data: [], has_more: false, url: `/v1/file_links?file=${id}` },
    purpose,
    size: content.length,
    title: null,
    type,
    url: `https://files.stripe.com/v1/files/${id}/contents`,
  });
}

/** A form with a file as the sandbox reads all forms: the file is a map of its name and content. */
export async function flattenUpload(body: Buffer, contentType: string): Promise<string> {
  const request = new Response(new Uint8Array(body), { headers: { 'content-type': contentType } });
  // Nonsense has no fields, which is refused as any other request without them.
  const form = await request.formData().catch(() => new FormData());
  const flat = new URLSearchParams();
  for (const [name, value] of form) {
    if (typeof value === 'string') flat.append(name, value);
    else {
      flat.append(`${name}[filename]`, value.name);
      flat.append(`${name}[content]`, Buffer.from(await value.arrayBuffer()).toString('base64'));
    }
  }
  return flat.toString();
}
