import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { afterAll, expect, test } from 'vitest';
import { imageOf, operatorMemory, writeImages } from './images.ts';
import { standIn } from './stand-in.ts';

const folder = mkdtempSync(join(tmpdir(), 'sentry-images-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface TarFile {
  readonly mode: number | undefined;
  readonly content: Buffer;
}

async function readTar(source: NodeJS.ReadableStream): Promise<Map<string, TarFile>> {
  const files = new Map<string, TarFile>();
  const entries = source.pipe(extract());
  for await (const entry of entries) {
    files.set(entry.header.name, { mode: entry.header.mode, content: await buffer(entry) });
  }
  return files;
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

test('an image tar is a layout whose every digest and size is true, and a second build is the same bytes', async () => {
  using program = standIn({ 'main.ts': `import { parse } from 'yaml'; console.log(parse('a: 1'));` });
  const what = [{ image: 'sentry-gateway', entry: `${program.folder}/main.ts` }] as const;
  const [path = ''] = await writeImages(join(folder, 'first'), what);
  const files = await readTar(createReadStream(path));
  const document = (name: string): Record<string, unknown> =>
    JSON.parse(files.get(name)?.content.toString() ?? '') as Record<string, unknown>;
  const follow = ({ digest, size }: Descriptor): string => {
    const name = digest.replace('sha256:', 'blobs/sha256/');
    const content = files.get(name)?.content ?? Buffer.alloc(0);
    expect(content).toHaveLength(size);
    expect(`sha256:${createHash('sha256').update(content).digest('hex')}`).toBe(digest);
    return name;
  };
  const [entry] = document('index.json')['manifests'] as [
    Descriptor & { annotations: Record<string, string> },
  ];
  expect(entry.annotations['io.containerd.image.name']).toMatch(
    /^docker[.]io\/library\/sentry-gateway:\d+[.]\d+[.]\d+$/,
  );
  const manifest = document(follow(entry)) as unknown as { config: Descriptor; layers: Descriptor[] };
  const config = document(follow(manifest.config)) as { rootfs?: { diff_ids?: string[] } };
  expect(config.rootfs?.diff_ids).toEqual(manifest.layers.map(({ digest }) => digest));
  for (const layer of manifest.layers) follow(layer);
  expect(files).toHaveLength(3 + 2 + manifest.layers.length);

  const [again = ''] = await writeImages(join(folder, 'second'), what);
  const digests = await Promise.all([path, again].map(digestOf));
  expect(digests[0]).toBe(digests[1]);
});

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

test('the gateway image has jemalloc and no shell, runs as nobody in particular, and says what it is made of', async () => {
  using program = standIn({ 'main.ts': `import { parse } from 'yaml'; console.log(parse('a: 1'));` });
  const image = await imageOf({ image: 'sentry-gateway', entry: `${program.folder}/main.ts` });
  const entries = image.layers.flat();
  const paths = entries.map(({ path }) => path);
  expect(image).toMatchObject({
    user: '65532:65532',
    environment: { LD_PRELOAD: '/usr/local/lib/libjemalloc.so.2' },
  });
  expect(paths).toContain('/usr/local/lib/libjemalloc.so.2');
  expect(new Set(paths).size).toBe(paths.length);
  expect(paths.filter((path) => /\/(?:s?bin)\//.test(path))).toEqual(['/usr/local/bin/node']);

  const text = (wanted: string): string => {
    const entry = entries.find(({ path }) => path === wanted);
    return entry !== undefined && 'content' in entry ? String(entry.content) : '';
  };
  const bill = JSON.parse(text('/app/sbom.cdx.json')) as {
    components: { name: string; licenses: object[] }[];
  };
  expect(bill.components.map(({ name }) => name)).toEqual(expect.arrayContaining(['node', 'yaml']));
  expect(text('/app/NOTICES')).toContain('Permission to use, copy, modify, and/or distribute this software');
});

test('a gateway that brings the Kubernetes client is not built', async () => {
  using program = standIn({
    'main.ts': `import { KubeConfig } from '@kubernetes/client-node'; console.log(KubeConfig);`,
  });
  await expect(imageOf({ image: 'sentry-gateway', entry: `${program.folder}/main.ts` })).rejects.toThrow(
    'must not contain node_modules/@kubernetes/client-node/',
  );
  const operator = await imageOf({ image: 'sentry-operator', entry: `${program.folder}/main.ts` });
  expect(operator.environment).toEqual({ NODE_ENV: 'production', ...operatorMemory.environment });
});

test.for(['sentry-operator', 'sentry-gateway'] as const)(
  'the Dockerfile gives %s the same configuration as make images',
  async (name) => {
    using program = standIn({ 'main.ts': 'console.log(1);' });
    const image = await imageOf({ image: name, entry: `${program.folder}/main.ts` });
    const dockerfile = readFileSync(join(import.meta.dirname, '../Dockerfile'), 'utf8').replaceAll(
      '\\\n',
      ' ',
    );
    const stage = dockerfile.split(`\nFROM scratch AS ${name}\n`)[1]?.split('\nFROM ')[0] ?? '';
    const pairs = (instruction: string): Record<string, string> => {
      const [, text = ''] = new RegExp(`^${instruction} (.*)$`, 'm').exec(stage) ?? [];
      return Object.fromEntries(
        [...text.matchAll(/(\S+?)="?([^"\s]*)"?(?:\s|$)/g)].map(([, key, value]) => [key, value]),
      );
    };
    expect(pairs('LABEL')).toEqual(image.labels);
    expect(pairs('ENV')).toEqual(image.environment);
    expect(stage).toContain(`\nUSER ${image.user}\n`);
    expect(stage).toContain(`\nENTRYPOINT ["${image.entrypoint.join('", "')}"]\n`);
  },
);

test('a stack trace of a bundle names functions and lines', async () => {
  using program = standIn({
    'main.ts': `
      import { refuse } from './refuse.ts';
      refuse();`,
    'refuse.ts': `export function refuse(): never {
      throw new Error('refused on purpose');
    }`,
  });
  const { layers } = await imageOf({ image: 'sentry-operator', entry: `${program.folder}/main.ts` });
  const main = layers.flat().find(({ path }) => path === '/app/main.mjs');
  if (main === undefined || !('content' in main)) throw new Error('the image has no program');
  const path = join(folder, 'trace.mjs');
  writeFileSync(path, main.content);
  const { stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8' });
  expect(stderr).toMatch(/Error: refused on purpose\n +at refuse \(file:.*trace[.]mjs:\d+:\d+\)/);
});
