import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StepOut } from './step-out.ts';

let folder: string;
let file: string;
let now: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'step-out-'));
  file = join(folder, 'order');
  now = Date.parse('2026-11-23T12:00:00Z');
});
afterEach(() => rm(folder, { recursive: true }));

const order = (seconds: number): string =>
  JSON.stringify({ reason: 'mbx1', expires: new Date(now + seconds * 1000).toISOString() });

describe('an order to step out', () => {
  test('holds until it expires', async () => {
    const stepOut = new StepOut({ file, now: () => now });
    expect(await stepOut.reason()).toBeNull();
    await writeFile(file, order(30));
    expect(await stepOut.reason()).toBe('mbx1');
    now += 29_999;
    expect(await stepOut.reason()).toBe('mbx1');
    now += 1;
    expect(await stepOut.reason()).toBeNull();
  });

  test('is renewed by another, and ends with its file', async () => {
    const stepOut = new StepOut({ file, now: () => now });
    for (let renewed = 0; renewed < 10; renewed++) {
      await writeFile(file, order(30));
      expect(await stepOut.reason()).toBe('mbx1');
      now += 20_000;
      expect(await stepOut.reason()).toBe('mbx1');
    }
    await rm(file);
    expect(await stepOut.reason()).toBeNull();
  });

  test('holds no longer than a minute after it was seen, whatever it says and whatever the clocks', async () => {
    const stepOut = new StepOut({ file, now: () => now });
    await writeFile(file, order(86_400));
    expect(await stepOut.reason()).toBe('mbx1');
    now += 59_999;
    expect(await stepOut.reason()).toBe('mbx1');
    now += 1;
    expect(await stepOut.reason()).toBeNull();
  });

  test.each([
    '',
    'null',
    '{}',
    '{"reason":1,"expires":"2027-01-01T00:00:00Z"}',
    '{"reason":"x","expires":"soon"}',
  ])('is none when the file says %j', async (text) => {
    await writeFile(file, text);
    expect(await new StepOut({ file, now: () => now }).reason()).toBeNull();
  });

  test('is never there without a file', async () => {
    expect(await new StepOut({ file: undefined }).reason()).toBeNull();
  });
});
