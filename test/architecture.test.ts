/** The import arrows of the design, and the few things that only one file may do. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '..');

/**
 * A folder or file -> what it may import besides its own folder: folders, files, packages. The longest name that fits
 * a file is its row. Packages are named only where not every one is allowed; Node's own modules count as packages.
 */
const arrows: Record<string, { own: string[]; packages?: string[] }> = {
  'workflows/domain': { own: [], packages: [] },
  workflows: { own: ['workflows/domain'], packages: ['@temporalio/workflow', '@temporalio/common'] },
  models: { own: ['workflows/domain', 'workflows/messages.ts'] },
  platform: { own: ['workflows/domain', 'models'] },
  activities: {
    own: [
      'activities/providers',
      'workflows/domain',
      'workflows/messages.ts',
      'workflows/activities.ts',
      'models',
      'platform',
    ],
  },
  'activities/providers': { own: ['workflows/domain', 'workflows/messages.ts', 'models', 'platform'] },
  api: {
    own: ['api/routes/webhooks.ts', 'workflows/domain', 'workflows/messages.ts', 'activities', 'models', 'platform'],
  },
  // Checks the signatures of webhooks, each with its provider's code.
  'api/routes/webhooks.ts': { own: ['api', 'activities', 'activities/providers'] },
  workers: { own: ['workflows', 'workflows/domain', 'activities', 'activities/providers', 'platform'] },
};

/** Nothing above imports these; they may import anything. */
const outside = ['sandbox', 'bench', 'test'];

/** A package, and the only files of the product that may import it. */
const importedOnlyIn: Record<string, (file: string, typeOnly: boolean) => boolean> = {
  stripe: (file) => /^activities\/providers\/stripe[^/]*\.ts$/.test(file),
  '@easypost/api': (file) => file === 'activities/providers/easypost.ts',
  mongoose: (file, typeOnly) =>
    file.startsWith('models/') || file === 'platform/mongo.ts' || (typeOnly && /^(activities|platform)\//.test(file)),
};

/** Words of the source, and where they may stand. */
const writtenOnlyIn: { word: RegExp; files: RegExp; because: string }[] = [
  {
    word: /\bprocess\.env\b|\benv\b.*from 'node:process'/,
    files: /^(platform\/config\.ts$|sandbox\/settings\.ts$|test\/|bench\/)/,
    because: 'settings are read and checked in platform/config.ts',
  },
  {
    word: /constructEventWithoutVerification/,
    files: /^test\/architecture\.test\.ts$/,
    because: 'a webhook counts only when its signature matches',
  },
];

interface Import {
  from: string;
  /** A file of ours by its path, or a package by its name. */
  to: string;
  typeOnly: boolean;
}

function filesOf(folders: string[]): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((f) => join(folder, f)),
    )
    .filter((file) => /\.(ts|js)$/.test(file));
}

function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  const statements = source.matchAll(/^(?:import|export)\s(type\s)?(?:[^'";]*?\sfrom\s)?'([^']+)'/gm);
  const calls = source.matchAll(/\b(?:import|require)\((\s*)['"`]([^'"`]+)/g);
  return [...statements, ...calls].map(([, type, target]) => ({
    from: file,
    to: target!.startsWith('.') ? join(dirname(file), target!) : target!.match(/^(@[^/]+\/)?[^/]+/)![0],
    typeOnly: type?.trim() === 'type',
  }));
}

const product = filesOf([...new Set(Object.keys(arrows).map((row) => row.split('/')[0]!))]);
const everyFile = [...product, ...filesOf(outside)];
const imports = everyFile.flatMap(importsOf);
const isOurs = (target: string) => everyFile.includes(target);

function rowOf(file: string): string {
  const rows = Object.keys(arrows).filter((row) => file === row || file.startsWith(`${row}/`));
  return rows.sort((a, b) => b.length - a.length)[0]!;
}

function isAllowed({ from, to }: Import): boolean {
  const row = rowOf(from);
  const { own, packages } = arrows[row]!;
  if (!isOurs(to)) return packages?.includes(to) ?? true;
  if (outside.includes(to.split('/')[0]!)) return false;
  return rowOf(to) === row || own.includes(to) || own.includes(rowOf(to));
}

const show = ({ from, to }: Import) => `${from} -> ${to}`;

describe('imports', () => {
  const ofProduct = imports.filter(({ from }) => product.includes(from));

  test('are found', () => {
    expect(ofProduct.length).toBeGreaterThan(100);
    expect(new Set(product.map(rowOf))).toEqual(new Set(Object.keys(arrows)));
  });

  test('follow the arrows of the design', () => {
    expect(ofProduct.filter((each) => !isAllowed(each)).map(show)).toEqual([]);
  });

  test.each(Object.keys(importedOnlyIn))('of %s stand where they belong', (name) => {
    const of = ofProduct.filter(({ to }) => to === name);
    expect(of.filter(({ from, typeOnly }) => !importedOnlyIn[name]!(from, typeOnly)).map(show)).toEqual([]);
    expect(of).not.toEqual([]);
  });

  // Types may name each other: nothing of them is left when the program runs.
  test('make no cycle', () => {
    expect(findCycle(imports.filter(({ to, typeOnly }) => isOurs(to) && !typeOnly))).toEqual([]);
  });
});

/** The files of one cycle, in their order; none: an empty list. */
function findCycle(edges: Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const to of next.get(file) ?? []) {
      const cycle = visit(to, [...path, file]);
      if (cycle.length > 0) return cycle;
    }
    done.add(file);
    return [];
  };
  for (const file of next.keys()) {
    const cycle = visit(file, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

test.each(writtenOnlyIn)('$word stands only in $files: $because', ({ word, files }) => {
  const elsewhere = everyFile.filter((file) => !files.test(file) && word.test(codeOf(file)));
  expect(elsewhere).toEqual([]);
});

/** The source without the lines that are comments. */
function codeOf(file: string): string {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  return lines.filter((line) => !/^\s*(\/\*\*|\*|\/\/)/.test(line)).join('\n');
}

test('every package of Temporal has one version, pinned exactly', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const installed = Object.entries<{ version: string }>(packages).map(([path, { version }]) => [path, version]);
  const versions = [...Object.entries({ ...dependencies, ...devDependencies }), ...installed]
    .filter(([name]) => /(^|node_modules\/)@temporalio\/[^/]+$/.test(name))
    .map(([, version]) => version);
  expect([...new Set(versions)]).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
});
