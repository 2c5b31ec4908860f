import { expect, it } from 'vitest';
import { Trigger } from './trigger.ts';

const FOREVER = Number.POSITIVE_INFINITY;
const never = new AbortController().signal;

it('ends a wait that is on', async () => {
  const trigger = new Trigger();
  const waiting = trigger.wait(FOREVER, never);
  trigger.fire();
  await expect(waiting).resolves.toBeUndefined();
});

it('remembers what was fired while nobody waited, once however often', async () => {
  const trigger = new Trigger();
  trigger.fire();
  trigger.fire();
  await trigger.wait(FOREVER, never);
  const second = trigger.wait(FOREVER, never).then(() => 'second');
  expect(await Promise.race([second, Promise.resolve('waits')])).toBe('waits');
  trigger.fire();
  expect(await second).toBe('second');
});

it('ends after the time, and when the signal aborts', async () => {
  const trigger = new Trigger();
  await trigger.wait(1, never);
  const stop = new AbortController();
  const waiting = trigger.wait(FOREVER, stop.signal);
  stop.abort();
  await expect(waiting).resolves.toBeUndefined();
});
