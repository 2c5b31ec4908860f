import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ConditionUpdate, mergeConditions } from './conditions.ts';
import type { Condition } from './meta.ts';

const EARLIER = '2026-01-01T00:00:00Z';
const NOW = new Date('2026-01-02T03:04:05.678Z');

const stored = (changes: Partial<Condition> = {}): Condition => ({
  type: 'Ready',
  status: 'True',
  observedGeneration: 2,
  lastTransitionTime: EARLIER,
  reason: 'Ready',
  message: 'Serves.',
  ...changes,
});
const update = (changes: Partial<ConditionUpdate> = {}): ConditionUpdate => ({
  type: 'Ready',
  status: 'True',
  observedGeneration: 3,
  reason: 'Ready',
  message: 'Serves.',
  ...changes,
});

test('a new condition gets the time of now in whole seconds, as Kubernetes writes it', () => {
  expect(mergeConditions([], [update()], NOW)).toEqual([
    stored({ observedGeneration: 3, lastTransitionTime: '2026-01-02T03:04:05Z' }),
  ]);
});

test('another reason, message or generation leaves the time of the last transition alone', () => {
  const [merged] = mergeConditions([stored()], [update({ reason: 'Else', message: 'Other words.' })], NOW);
  expect(merged).toEqual(
    stored({ observedGeneration: 3, reason: 'Else', message: 'Other words.', lastTransitionTime: EARLIER }),
  );
});

test('another status moves the time of the last transition', () => {
  const [merged] = mergeConditions([stored()], [update({ status: 'Unknown' })], NOW);
  expect(merged).toMatchObject({ status: 'Unknown', lastTransitionTime: '2026-01-02T03:04:05Z' });
});

test('an update for an older generation is dropped', () => {
  const existing = stored({ observedGeneration: 4 });
  expect(mergeConditions([existing], [update({ status: 'False', observedGeneration: 3 })], NOW)).toEqual([
    existing,
  ]);
});

test('conditions of others stay as they are, where they are', () => {
  const foreign = stored({ type: 'example.com/Audited', status: 'False' });
  const merged = mergeConditions([foreign, stored()], [update({ status: 'False' })], NOW);
  expect(merged[0]).toEqual(foreign);
  expect(merged.map(({ type }) => type)).toEqual(['example.com/Audited', 'Ready']);
});

test('merging the same updates later changes nothing', () => {
  const updates = fc.uniqueArray(
    fc.record({
      type: fc.constantFrom('Accepted', 'ResolvedRefs', 'Programmed', 'Ready'),
      status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
      reason: fc.constantFrom('A', 'B'),
      message: fc.string(),
      observedGeneration: fc.option(fc.nat(5), { nil: undefined }),
    }),
    { selector: ({ type }) => type },
  );
  fc.assert(
    fc.property(updates, updates, (first, second) => {
      const existing = mergeConditions([], first, new Date(EARLIER));
      const once = mergeConditions(existing, second, NOW);
      expect(mergeConditions(once, second, new Date('2027-01-01'))).toEqual(once);
    }),
  );
});
