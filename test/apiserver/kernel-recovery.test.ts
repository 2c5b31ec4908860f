// The whole operator before a real API server and a faulty network: after each disturbance it is right again and has missed nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { disturbances, recoveryMs, RecoveryStage } from './recovery.ts';

let stage: RecoveryStage;

beforeAll(async () => {
  stage = await RecoveryStage.set({ watchSeconds: { least: 2, most: 2 }, timeoutMs: 4000 });
});

afterAll(() => stage[Symbol.asyncDispose]());

test.each(disturbances)('the operator is right again after: $name', async (disturbance) => {
  expect(await recoveryMs(stage, disturbance)).toBeGreaterThan(0);
});
