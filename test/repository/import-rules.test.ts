// The linter of imports must see what it forbids: each rule is shown a planted violation in a copy of the tree.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

interface CruiseResult {
  summary: { violations: { rule: { name: string }; from: string }[]; totalCruised: number };
}

async function cruise(directory: string, files: Record<string, string>): Promise<CruiseResult> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  const depcruise = join(directory, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const { stdout } = await run(
    process.execPath,
    [depcruise, '--config', '.dependency-cruiser.json', '--output-type', 'json', ...Object.keys(files)],
    { cwd: directory, maxBuffer: 64 << 20 },
  ).catch((error: { stdout: string }) => error);
  return JSON.parse(stdout) as CruiseResult;
}

describe('the import rules', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'import-rules-'));
    for (const name of ['.dependency-cruiser.json', 'tsconfig.json', 'package.json']) {
      await cp(join(root, name), join(directory, name));
    }
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test.each([
    ['gateway-not-to-operator', 'gateway/a.ts', "import { x } from '../operator/translate/x.ts';\nx();\n"],
    ['gateway-not-to-operator', 'gateway/b.ts', "import { x } from '../operator/kube/x.ts';\nx();\n"],
    ['translate-is-pure', 'operator/translate/c.ts', "import { x } from '../kube/x.ts';\nx();\n"],
    ['translate-is-pure', 'operator/translate/d.ts', "import { x } from '../infra/x.ts';\nx();\n"],
    [
      'translate-is-pure',
      'operator/translate/e.ts',
      "import { readFileSync } from 'node:fs';\nreadFileSync('');\n",
    ],
    ['eas-stands-alone', 'gateway/eas/f.ts', "import { x } from '../x.ts';\nx();\n"],
    ['http-stands-alone', 'gateway/http/g.ts', "import { x } from '../x.ts';\nx();\n"],
    ['api-stands-alone', 'operator/api/h.ts', "import { x } from '../kube/x.ts';\nx();\n"],
    [
      'stages-are-ignorant-of-each-other',
      'operator/provider/i.ts',
      "import { x } from '../infra/x.ts';\nx();\n",
    ],
    ['product-not-to-tests', 'cli/j.ts', "import { x } from '../test/x.ts';\nx();\n"],
    ['no-dev-dependencies-in-the-product', 'cli/k.ts', "import { test } from 'vitest';\ntest('x');\n"],
    ['not-to-unresolvable', 'cli/l.ts', "import { x } from './nowhere.ts';\nx();\n"],
  ])('%s is broken by %s', async (rule, file, text) => {
    const target = 'export const x = (): void => undefined;\n';
    const targets = Object.fromEntries(
      [
        'gateway/x.ts',
        'test/x.ts',
        ...['translate', 'kube', 'infra'].map((name) => `operator/${name}/x.ts`),
      ].map((name) => [name, target]),
    );
    const { summary } = await cruise(directory, { ...targets, [file]: text });
    expect(summary.totalCruised).toBeGreaterThan(1);
    expect(summary.violations.filter(({ from }) => from === file).map(({ rule }) => rule.name)).toContain(
      rule,
    );
    await rm(join(directory, file));
  });
});
