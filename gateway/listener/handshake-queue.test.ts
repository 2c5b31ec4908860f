import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HandshakeQueue } from './handshake-queue.ts';

test('handshakes begin in order, so many in a turn, and never more than the limit are under way', async () => {
  const queue = new HandshakeQueue({ inFlight: 5, perTurn: 2 });
  const begun: number[] = [];
  for (let i = 0; i < 20; i++) queue.add(`192.0.2.${i}`, () => begun.push(i) > 0);
  expect(begun).toEqual([0, 1]);
  await turn();
  expect(begun).toEqual([0, 1, 2, 3]);
  for (let i = 0; i < 10; i++) await turn();
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect([queue.inFlight, queue.queued]).toEqual([5, 15]);
  queue.finished('192.0.2.0');
  for (let i = 0; i < 10; i++) await turn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  for (let ended = 1; queue.inFlight > 0; ended++) {
    queue.finished(`192.0.2.${ended}`);
    await turn();
    expect(queue.inFlight).toBeLessThanOrEqual(5);
  }
  expect(begun).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(queue.queued).toBe(0);
});

test('phones that went away while they waited take no place', async () => {
  const queue = new HandshakeQueue({ inFlight: 2, perTurn: 2 });
  for (let i = 0; i < 10_000; i++) queue.add('192.0.2.1', () => false);
  let begun = 0;
  queue.add('192.0.2.2', () => ++begun > 0);
  for (let i = 0; i < 10; i++) await turn();
  expect(begun).toBe(1);
  expect([queue.inFlight, queue.queued]).toEqual([1, 0]);
});

test('an address whose handshakes never end holds half of the places, and leaves one for everybody else', async () => {
  const queue = new HandshakeQueue({ inFlight: 8, perTurn: 1000 });
  for (let i = 0; i < 50; i++) queue.add('192.0.2.1', () => true);
  expect([queue.inFlight, queue.queued]).toEqual([4, 46]);
  let others = 0;
  for (let i = 0; i < 100; i++) {
    queue.add(`198.51.100.${i}`, () => ++others > 0);
    queue.finished(`198.51.100.${i}`);
  }
  await turn();
  expect(others).toBe(100);
  expect([queue.inFlight, queue.queued]).toEqual([4, 46]);
});

test('addresses take turns: who has one handshake does not wait for those of who has a thousand', async () => {
  const queue = new HandshakeQueue({ inFlight: 1024, perTurn: 1 });
  const begun: string[] = [];
  const add = (address: string): void => queue.add(address, () => begun.push(address) > 0);
  for (let i = 0; i < 1000; i++) add('192.0.2.1');
  add('192.0.2.2');
  add('192.0.2.3');
  for (let i = 0; i < 4; i++) await turn();
  expect(begun).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.1']);
});
