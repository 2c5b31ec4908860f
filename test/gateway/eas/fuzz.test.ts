// A short run of the fuzzer, in a process of its own so that a hang or a crash is seen too.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('twenty seconds of random bodies find nothing', { timeout: 180_000 }, () => {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'fuzz.ts'), '--seconds', '20'],
    { encoding: 'utf8', timeout: 150_000 },
  );
  expect({ status, signal, stderr, stdout }).toMatchObject({ status: 0, signal: null, stderr: '' });
  expect(stdout).toContain('clean');
});
