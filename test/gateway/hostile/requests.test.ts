// Every attack of the corpus on a gateway before Node, nginx and HAProxy: nothing ambiguous reaches them, and nobody else notices.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RequestError } from '../../../gateway/http/errors.ts';
import { ACCEPTED, INCOMPLETE, REFUSED } from '../http/corpus.ts';
import { aimAt, BesiegedGateway, type Footprint } from './besieged-gateway.ts';
import { aimed, type Expectation, type HostileCase, throughGateway } from './hostile-case.ts';
import { REQUEST_CASES } from './request-cases.ts';
import { isOver, judge } from './verdict.ts';

/** Less than this of an attack is noise: about 100 bytes were measured, a connection that stays has ten thousands. */
const LEAK_BYTES = 2048;

let besieged: BesiegedGateway;
let footprint: Footprint;
let openFiles: number;
let cases = 0;

beforeAll(async () => {
  besieged = await BesiegedGateway.start();
  for (const { name } of besieged.servers) await besieged.healthyPhoneIsServed(name);
  footprint = await besieged.footprint();
  openFiles = besieged.openFiles();
});
afterAll(() => besieged[Symbol.asyncDispose]());

test('the corpus is large, and no name stands for two cases', () => {
  const names = [...REFUSED, ...ACCEPTED, ...INCOMPLETE].map(([name]) => name);
  const all = [...names, ...REQUEST_CASES.map(({ name }) => name)];
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThanOrEqual(350);
});

/** Against all three at once; how many requests each handed on. */
async function attackAll(raw: string, expected: Expectation | 'as-read'): Promise<number[]> {
  const device = `case${cases++}`;
  return Promise.all(
    besieged.servers.map(async (server) => {
      const bytes = aimed(raw, aimAt(server.name, device));
      const outcome = await besieged.attack(server, bytes, isOver(expected, bytes));
      judge(expected, bytes, outcome);
      return outcome.handedOn.length;
    }),
  );
}

/** By the server that refuses least. */
function handedOnAtMost(expected: Expectation): number {
  if (expected.kind === 'passes') return expected.requests;
  return expected.kind === 'refused' ? (expected.passedBefore ?? 0) : 0;
}

describe('through the gateway', () => {
  test.for<HostileCase>(REQUEST_CASES)('$name', async ({ raw, expected }) => {
    const handedOn = await attackAll(raw, expected);
    expect(Math.max(...handedOn)).toBe(handedOnAtMost(expected));
  });
});

/** Its body would be changed by the aim; REQUEST_CASES has one of its kind. */
const accepted = ACCEPTED.filter(([name]) => name !== 'a body that looks like a request');

describe('of the corpus of the codec', () => {
  test.for(REFUSED)('refused: %s', async ([, raw, code]) => {
    await attackAll(throughGateway(raw), { kind: 'refused', status: new RequestError(code).status });
  });

  test.for(accepted)('read the same by all: %s', async ([, raw]) => {
    await attackAll(throughGateway(raw), 'as-read');
  });

  test.for(INCOMPLETE)('waits for the rest: %s', async ([, raw]) => {
    await attackAll(throughGateway(raw), { kind: 'waits' });
  });
});

test('hundreds of attacks more keep no memory', async () => {
  const fast = REQUEST_CASES.filter(({ expected }) => expected.kind === 'refused');
  const all = [...REFUSED.map(([, raw]) => throughGateway(raw)), ...fast.map(({ raw }) => raw)];
  const loud = all.filter((_, at) => at % 3 === 0);
  const refuse = async (): Promise<void> => {
    for (const raw of loud) await attackAll(raw, { kind: 'closes' });
  };
  await refuse();
  const before = await besieged.memory();
  await refuse();
  await refuse();
  expect((await besieged.memory()) - before).toBeLessThan(
    LEAK_BYTES * 2 * besieged.servers.length * loud.length,
  );
});

test('when all is over no connection, poll, timer or descriptor is left', async () => {
  await besieged.gateway.until(async () => {
    const now = await besieged.footprint();
    return (
      now.connections === footprint.connections &&
      now.pending === 0 &&
      now.polls === 0 &&
      now.timers <= footprint.timers &&
      besieged.openFiles() <= openFiles
    );
  });
});
