import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HandshakeQueue } from './handshake-queue.ts';

test('handshakes begin in order, so many in a turn, and never more than the limit are under way', async () => {
  const queue = new HandshakeQueue({ inFlight: 5, perTurn: 2 });
  const begun: number[] = [];
  for (let i = 0; i < 20; i++) queue.add(() => begun.push(i) > 0);
  expect(begun).toEqual([0, 1]);
  await turn();
  expect(begun).toEqual([0, 1, 2, 3]);
  for (let i = 0; i < 10; i++) await turn();
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect([queue.inFlight, queue.queued]).toEqual([5, 15]);
  queue.finished();
  for (let i = 0; i < 10; i++) await turn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  while (queue.inFlight > 0) {
    queue.finished();
    await turn();
    expect(queue.inFlight).toBeLessThanOrEqual(5);
  }
  expect(begun).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(queue.queued).toBe(0);
});

test('phones that went away while they waited take no place', async () => {
  const queue = new HandshakeQueue({ inFlight: 2, perTurn: 2 });
  for (let i = 0; i < 10_000; i++) queue.add(() => false);
  let begun = 0;
  queue.add(() => ++begun > 0);
  for (let i = 0; i < 10; i++) await turn();
  expect(begun).toBe(1);
  expect([queue.inFlight, queue.queued]).toEqual([1, 0]);
});
