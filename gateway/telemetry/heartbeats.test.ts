import { describe, expect, test } from 'vitest';
import { Heartbeats } from './heartbeats.ts';
import type { RequestRecord } from './request-record.ts';

/** Only what is looked at. */
const poll = (heartbeatSeconds: number | null, change: Partial<RequestRecord> = {}): RequestRecord =>
  ({ poll: true, code: 200, heartbeatSeconds, ...change }) as RequestRecord;

function observed(): {
  heartbeats: Heartbeats;
  told: [boolean, number][];
  take: (seconds: number, times: number) => void;
} {
  const told: [boolean, number][] = [];
  const heartbeats = new Heartbeats({ onHeartbeats: (isShort, mean) => told.push([isShort, mean]) });
  const take = (seconds: number, times: number): void => {
    for (let i = 0; i < times; i++) heartbeats.observe(poll(seconds));
  };
  return { heartbeats, told, take };
}

describe('the mean of the last 200 heartbeats', () => {
  test('is unknown before there were 200, and nobody is alarmed', () => {
    const { heartbeats, told, take } = observed();
    take(60, 199);
    expect(heartbeats.mean).toBeNaN();
    expect(told).toEqual([]);
    take(60, 1);
    expect(heartbeats.mean).toBe(60);
  });

  test('forgets what is older', () => {
    const { heartbeats, take } = observed();
    take(60, 500);
    take(1000, 100);
    expect(heartbeats.mean).toBe(530);
    take(1000, 100);
    expect(heartbeats.mean).toBe(1000);
  });

  test('alarms once when it is 540 seconds or less, and tells once when it is over', () => {
    const { told, take } = observed();
    take(541, 200);
    expect(told).toEqual([]);
    take(540, 200);
    expect(told).toEqual([[true, 540]]);
    take(300, 300);
    expect(told).toHaveLength(1);
    take(1200, 200);
    expect(told).toHaveLength(2);
    expect(told[1]?.[0]).toBe(false);
  });

  test('does not flutter around the threshold', () => {
    const { told, take } = observed();
    take(540, 200);
    for (let i = 0; i < 50; i++) {
      take(560, 200);
      take(530, 200);
    }
    expect(told).toHaveLength(1);
  });

  test('does not count what says nothing of the network, nor what no phone may ask for', () => {
    const { heartbeats, take } = observed();
    take(900, 200);
    for (let i = 0; i < 1000; i++) {
      heartbeats.observe(poll(60, { code: 401 }));
      heartbeats.observe(poll(60, { code: 503 }));
      heartbeats.observe(poll(60, { code: 0 }));
      heartbeats.observe(poll(60, { poll: false }));
      heartbeats.observe(poll(null));
      heartbeats.observe(poll(59));
      heartbeats.observe(poll(999_999));
    }
    expect(heartbeats.mean).toBe(900);
  });
});
