import { expect, test } from 'vitest';
import { mergeConditions } from '../api/conditions.ts';
import type { GatewayObservations, PodObservation } from './observations.ts';
import { SnapshotHistory } from './snapshot-history.ts';
import { steppedOutCondition } from './stepped-out.ts';

const now = new Date('2026-01-01T12:00:00Z');
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];

function observe(out: readonly string[]): GatewayObservations {
  return {
    wanted: undefined,
    pods: names.map((name): PodObservation => ({ name, ready: !out.includes(name), report: undefined })),
    addresses: [],
    history: new SnapshotHistory(),
    steppedOut: out.map((name) => ({ name, reason: `no way from ${name}` })),
  };
}

test('nothing is said of pods that were never out', () => {
  expect(steppedOutCondition(observe([]), [], 3)).toEqual([]);
  expect(steppedOutCondition({ ...observe([]), steppedOut: undefined }, [], 3)).toEqual([]);
});

test('pods that are out are named with their reasons, and once they are back that is said', () => {
  const out = steppedOutCondition(observe(['b']), [], 3);
  expect(out).toEqual([
    {
      type: 'SteppedOut',
      status: 'True',
      reason: 'CannotReachServers',
      message: '1 of 9 pods: b: no way from b',
      observedGeneration: 3,
    },
  ]);
  const standing = mergeConditions([], out, now);
  expect(steppedOutCondition(observe([]), standing, 3)).toMatchObject([
    { type: 'SteppedOut', status: 'False', reason: 'AllIn', observedGeneration: 3 },
  ]);
});

test('many are counted, and the first of them named', () => {
  const [condition] = steppedOutCondition(observe(names.slice(0, 4)), [], 3);
  expect(condition?.message).toBe(
    '4 of 9 pods: a: no way from a; b: no way from b; c: no way from c; and 1 more',
  );
});
