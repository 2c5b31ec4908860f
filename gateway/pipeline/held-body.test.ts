import { describe, expect, test } from 'vitest';
import { HeldBody } from './held-body.ts';

describe('a held body', () => {
  test('is few pieces, however many came', () => {
    const body = new HeldBody();
    const bytes = Buffer.from(Array.from({ length: 60_000 }, (_, at) => at % 251));
    for (let at = 0; at < bytes.length; at++) {
      body.push(bytes.subarray(at, at + 1));
      expect(body.pieces.length).toBeLessThanOrEqual(64);
    }
    body.complete = true;
    expect(Buffer.concat(body.whole() ?? [])).toEqual(bytes);
  });

  test('is whole once it is complete, and no longer once it was dropped', () => {
    const body = new HeldBody();
    expect(body.whole()).toBeUndefined();
    body.complete = true;
    expect(body.whole()).toEqual([]);
    body.push(Buffer.alloc(65_537));
    expect(body.isTooLong).toBe(true);
    body.drop();
    expect([body.isHeld, body.whole(), body.pieces]).toEqual([false, undefined, []]);
  });
});
