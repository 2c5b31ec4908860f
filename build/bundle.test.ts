import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundle } from './bundle.ts';
import { standIn } from './stand-in.ts';

/** Runs the bundle's main file in a folder without node_modules and returns what it prints. */
function run(files: ReadonlyMap<string, Uint8Array>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentry-bundle-'));
  try {
    for (const [name, content] of files) writeFileSync(join(folder, name), content);
    return execFileSync(process.execPath, [join(folder, 'main.mjs')], { cwd: folder, encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a bundle runs without node_modules, with its thread in a file next to it, and only its entry is main', async () => {
  using program = standIn({
    'main.ts': `
      import { Worker } from 'node:worker_threads';
      import fastify from 'fastify';
      import { parse } from 'yaml';
      import { libraryIsMain } from './library.ts';
      const app = fastify();
      app.get('/', () => parse('from: yaml'));
      const { body } = await app.inject('/');
      const thread = new Worker(new URL('./threads/counter.ts', import.meta.url));
      thread.once('message', (message: string) => console.log(body, message, import.meta.main, libraryIsMain));`,
    'library.ts': `export const libraryIsMain: boolean = import.meta.main;`,
    'threads/counter.ts': `
      import { parentPort } from 'node:worker_threads';
      import { parse } from 'yaml';
      parentPort?.postMessage(parse('from the thread') satisfies string);`,
  });
  const { files, packages } = await bundle({ entry: `${program.folder}/main.ts` });
  const thread = `${program.folder.replace('/', '-')}-threads-counter.mjs`;
  expect([...files.keys()]).toEqual(['main.mjs', thread]);
  expect(run(files)).toBe('{"from":"yaml"} from the thread true false\n');
  expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(['fastify', 'yaml', 'ajv']));
  expect(packages).toContainEqual(expect.objectContaining({ name: 'yaml', license: 'ISC' }));
});

test('what must not get in fails the build with the chain of imports that brings it', async () => {
  using program = standIn({
    'main.ts': `import './far.ts';`,
    'far.ts': `import { parse } from 'yaml'; console.log(parse('1'));`,
  });
  const { folder } = program;
  await expect(bundle({ entry: `${folder}/main.ts`, forbidden: /^node_modules\/yaml\// })).rejects.toThrow(
    new RegExp(
      `must not contain node_modules/yaml/.*: ${folder}/main.ts → ${folder}/far.ts → node_modules/yaml/`,
    ),
  );
});

test('a thread may be named with the extension of whoever starts it', async () => {
  using program = standIn({
    'main.ts': `
      import { extname } from 'node:path';
      import { Worker } from 'node:worker_threads';
      new Worker(new URL(\`./thread\${extname(import.meta.url)}\`, import.meta.url)).on('error', console.error);`,
    'thread.ts': `console.log('the thread');`,
  });
  const { files } = await bundle({ entry: `${program.folder}/main.ts` });
  expect(run(files)).toBe('the thread\n');
});

test('what must not get in is found in a thread too', async () => {
  using program = standIn({
    'main.ts': `console.log(new URL('./thread.ts', import.meta.url).pathname);`,
    'thread.ts': `import { parse } from 'yaml'; console.log(parse('1'));`,
  });
  await expect(
    bundle({ entry: `${program.folder}/main.ts`, forbidden: /^node_modules\/yaml\// }),
  ).rejects.toThrow('thread.ts must not contain node_modules/yaml/');
});

test.for([
  `console.log(import.meta.dirname);`,
  `console.log(new URL('./data.json', import.meta.url).pathname);`,
])('a source that finds a file by its own path is refused: %s', async (source) => {
  using program = standIn({ 'main.ts': source });
  await expect(bundle({ entry: `${program.folder}/main.ts` })).rejects.toThrow('import it instead');
});

test('an import that does not resolve is refused', async () => {
  using program = standIn({ 'main.ts': `import nothing from 'no-such-package'; console.log(nothing);` });
  await expect(bundle({ entry: `${program.folder}/main.ts` })).rejects.toThrow('no-such-package');
});

test('an entry that does not exist is refused by its name', async () => {
  await expect(bundle({ entry: 'nowhere/main.ts' })).rejects.toThrow('nowhere/main.ts does not exist');
});

test("a bundle that imports node:http does not load Node's own fetch", async () => {
  using program = standIn({
    'main.ts': `
      import http, { STATUS_CODES } from 'node:http';
      const loaded = (process as unknown as { moduleLoadList: string[] }).moduleLoadList;
      console.log(STATUS_CODES[404], typeof http.createServer, loaded.some((name) => name.includes('undici')));`,
  });
  const { files } = await bundle({ entry: `${program.folder}/main.ts` });
  expect(run(files)).toBe('Not Found function false\n');
});

test('of the Kubernetes client only the parts that are used get in', async () => {
  using program = standIn({
    'main.ts': `
      import { KubeConfig } from '@kubernetes/client-node';
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromClusterAndUser({ name: 'one', server: 'https://one.example' } as never, { name: 'me' });
      console.log(kubeConfig.getCurrentCluster()?.server);`,
  });
  const { files } = await bundle({ entry: `${program.folder}/main.ts` });
  expect(run(files)).toBe('https://one.example\n');
  const text = Buffer.from(files.get('main.mjs') ?? []).toString();
  expect(text.includes('V1CustomResourceDefinition')).toBe(false);
});
