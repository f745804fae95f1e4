/** Mails to look at: each in every language, as files for a browser. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { composeMail } from '../activities/mail-content.ts';
import { mailExamples } from '../activities/mail-examples.ts';
import { readMailTexts } from '../activities/mail-texts.ts';
import { main } from '../platform/main.ts';

const help = `npm run mails -- FOLDER

Checks the texts of all mails in all languages, and writes each mail with examples into the folder, as HTML and as text:
open its index.html in a browser. Needs no servers. docs/mails.md says how to change the texts.
Exit code 0: done; 1: something in the texts is wrong, and is named.`;

await main(async () => {
  const { values, positionals } = parseArgs({ options: { help: { type: 'boolean' } }, allowPositionals: true });
  if (values.help) return console.log(help);
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0) throw new Error(`Name one folder:\n\n${help}`);
  const texts = readMailTexts();
  const rows: string[] = [];
  for (const language of texts.languages.keys()) {
    await mkdir(join(folder, language), { recursive: true });
    for (const { name, facts } of mailExamples(language)) {
      const { subject, html, text } = composeMail(texts, facts);
      const file = `${language}/${name.replace(/\W+/g, '-')}`;
      await writeFile(join(folder, `${file}.html`), html);
      await writeFile(join(folder, `${file}.txt`), `${subject}\n\n${text}`);
      rows.push(`<li><a href="${file}.html">${language}: ${name}</a> (<a href="${file}.txt">text</a>)</li>`);
    }
  }
  const index = join(folder, 'index.html');
  await writeFile(
    index,
    `<!doctype html>\n<meta charset="utf-8">\n<title>Mails</title>\n<ul>\n${rows.join('\n')}\n</ul>\n`,
  );
  console.log(`${rows.length} mails: ${pathToFileURL(resolve(index)).href}`);
});
