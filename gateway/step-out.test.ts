import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StepOut } from './step-out.ts';

let folder: string;
let file: string;
/** Wall clock, and the time that really passed. */
let now: number;
let passed: number;
const stepOutAt = (file: string): StepOut =>
  new StepOut({ file, now: () => now, clock: { now: () => passed } });
const wait = (ms: number): void => {
  now += ms;
  passed += ms;
};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'step-out-'));
  file = join(folder, 'order');
  now = Date.parse('2026-11-23T12:00:00Z');
  passed = 1000;
});
afterEach(() => rm(folder, { recursive: true }));

const order = (seconds: number): string =>
  JSON.stringify({ reason: 'mbx1', expires: new Date(now + seconds * 1000).toISOString() });

describe('an order to step out', () => {
  test('holds until it expires', async () => {
    const stepOut = stepOutAt(file);
    expect(await stepOut.reason()).toBeNull();
    await writeFile(file, order(30));
    expect(await stepOut.reason()).toBe('mbx1');
    wait(29_999);
    expect(await stepOut.reason()).toBe('mbx1');
    wait(1);
    expect(await stepOut.reason()).toBeNull();
  });

  test('is renewed by another, and ends with its file', async () => {
    const stepOut = stepOutAt(file);
    for (let renewed = 0; renewed < 10; renewed++) {
      await writeFile(file, order(30));
      expect(await stepOut.reason()).toBe('mbx1');
      wait(20_000);
      expect(await stepOut.reason()).toBe('mbx1');
    }
    await rm(file);
    expect(await stepOut.reason()).toBeNull();
  });

  test('holds no longer than a minute after it was seen, whatever it says and whatever the clocks', async () => {
    const stepOut = stepOutAt(file);
    await writeFile(file, order(86_400));
    expect(await stepOut.reason()).toBe('mbx1');
    wait(59_999);
    expect(await stepOut.reason()).toBe('mbx1');
    wait(1);
    expect(await stepOut.reason()).toBeNull();
  });

  test('ends in time though the wall clock is put back meanwhile', async () => {
    const stepOut = stepOutAt(file);
    await writeFile(file, order(30));
    expect(await stepOut.reason()).toBe('mbx1');
    now -= 3_600_000;
    wait(59_999);
    expect(await stepOut.reason()).toBe('mbx1');
    wait(1);
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
    expect(await stepOutAt(file).reason()).toBeNull();
  });

  test('is never there without a file', async () => {
    expect(await new StepOut({ file: undefined }).reason()).toBeNull();
  });
});
