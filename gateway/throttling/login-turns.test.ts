import { expect, test } from 'vitest';
import { LoginTurns, type WaitingLogin } from './login-turns.ts';

const nobody: WaitingLogin = { goOn: () => {} };

test('so many go at once; each one that ends lets the waiting try again, and nothing is left in the end', () => {
  const turns = new LoginTurns();
  const tries: number[] = [];
  const waiting = [1, 2, 3].map((n) => ({
    goOn: (): void => {
      tries.push(n);
      if (!turns.begins('ann', 2, waiting[n - 1] as WaitingLogin)) tries.push(-n);
    },
  }));
  expect([turns.begins('ann', 2, nobody), turns.begins('ann', 2, nobody)]).toEqual([true, true]);
  expect(waiting.map((one) => turns.begins('ann', 2, one))).toEqual([false, false, false]);
  expect(turns.begins('bob', 2, nobody)).toBe(true);
  turns.leaves('ann', waiting[1] as WaitingLogin);
  turns.ends('ann');
  expect(tries).toEqual([1, 3, -3]);
  turns.ends('ann');
  turns.ends('ann');
  expect(tries).toEqual([1, 3, -3, 3]);
  turns.ends('ann');
  turns.ends('bob');
  expect(turns.size).toBe(0);
});

test('nobody waits for long for those that are held: they were let in', async () => {
  const turns = new LoginTurns();
  turns.begins('ann', 1, nobody);
  const went = new Promise<boolean>((resolve) => {
    const waiting = { goOn: () => resolve(turns.begins('ann', 1, waiting)) };
    expect(turns.begins('ann', 1, waiting)).toBe(false);
  });
  expect(await went).toBe(true);
  expect(turns.begins('ann', 1, nobody)).toBe(true);
});
