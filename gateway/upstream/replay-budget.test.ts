import { describe, expect, test } from 'vitest';
import { ReplayBudget } from './replay-budget.ts';

function taken(budget: ReplayBudget, now: number): number {
  let count = 0;
  while (budget.take(now)) count++;
  return count;
}

describe('the replay budget', () => {
  test('allows a hundred however few requests there are', () => {
    const budget = new ReplayBudget();
    budget.countRequest(0);
    expect(taken(budget, 0)).toBe(100);
  });

  test('allows a fifth of the requests of the last seconds', () => {
    const budget = new ReplayBudget();
    for (let i = 0; i < 2000; i++) budget.countRequest(1_000);
    for (let i = 0; i < 3000; i++) budget.countRequest(6_500);
    expect(taken(budget, 7_000)).toBe(1000);
    for (let i = 0; i < 1000; i++) budget.countRequest(11_900);
    expect(taken(budget, 11_900)).toBe(0);
  });

  test('forgets what was long ago', () => {
    const budget = new ReplayBudget();
    for (let i = 0; i < 5000; i++) budget.countRequest(1_000);
    expect(taken(budget, 1_000)).toBe(1000);
    expect(taken(budget, 20_000)).toBe(100);
  });

  test('allows none where nothing is to be sent again', () => {
    const budget = new ReplayBudget();
    budget.maxPercent = 0;
    for (let i = 0; i < 5000; i++) budget.countRequest(1_000);
    expect(taken(budget, 1_000)).toBe(0);
  });
});
