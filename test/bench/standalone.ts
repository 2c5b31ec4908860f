// What a user of standalone mode sees: how fast an edit is served, how long a failover takes, what reloads cost.
import { setTimeout as sleep } from 'node:timers/promises';
import { Stage } from '../demo/stage.ts';
import { HttpFailure } from '../peers/phone/eas-client.ts';
import type { Phone } from '../peers/phone/phone.ts';
import type { Figure } from './figures.ts';

const EDITS = 40;
const FAILOVERS = 5;
const LOADING_PHONES = 8;
const DEADLINE_MS = 20_000;

/** `edit-to-served-p99-ms`, `failover-ms` (the worst), `reload-losses` (under load, over all edits). */
export async function measureStandalone(): Promise<Figure[]> {
  const stage = await Stage.set();
  try {
    const phones = stage.users.slice(0, LOADING_PHONES).map((user) => stage.phone(user));
    await Promise.all(phones.map((phone) => phone.folderSync()));
    const end = new AbortController();
    const load = phones.map((phone) => keepAsking(phone, end.signal));
    const edits = await measureEdits(stage);
    end.abort();
    await Promise.all(load);
    const { lost, requests } = stage.report.summary();
    const [probe] = phones;
    const failovers = probe === undefined ? [] : await measureFailovers(stage, probe);
    for (const phone of phones) phone.close();
    return [
      { name: 'edit-to-served-p99-ms', value: percentile(edits, 0.99), goal: 2000 },
      { name: 'failover-ms', value: Math.max(...failovers), goal: 2000 },
      { name: 'reload-losses', value: lost, goal: 0 },
      { name: 'reload-requests', value: requests },
    ];
  } finally {
    await stage.clear();
  }
}

/** Each edit moves all requests to the other server; it is served when the first request arrives there. */
async function measureEdits(stage: Stage): Promise<number[]> {
  const times: number[] = [];
  const { journal } = stage.exchange.organisation;
  for (let edit = 0; edit < EDITS; edit += 1) {
    const server = edit % 2 === 0 ? 'mbx2' : 'mbx1';
    const started = performance.now();
    const seen = journal.requests.length;
    await stage.writeRoute([server]);
    await journal.until(
      ({ requests }) =>
        requests.slice(Math.min(seen, requests.length)).some(({ frontEnd }) => frontEnd === server),
      AbortSignal.timeout(DEADLINE_MS),
    );
    times.push(performance.now() - started);
    await sleep(100);
  }
  return times;
}

async function measureFailovers(stage: Stage, phone: Phone): Promise<number[]> {
  const times: number[] = [];
  await stage.writeRoute(['mbx1', 'mbx2']);
  await sleep(3000);
  for (let round = 0; round < FAILOVERS; round += 1) {
    const dying = stage.exchange.frontEnd('mbx1');
    await phone.folderSync();
    dying.kill();
    const started = performance.now();
    await succeed(phone);
    times.push(performance.now() - started);
    await dying.serve();
    await sleep(3000);
  }
  return times;
}

async function succeed(phone: Phone): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      await phone.folderSync();
      return;
    } catch (error) {
      if (!(error instanceof HttpFailure && error.unavailable) || performance.now() > deadline) throw error;
      await sleep(20);
    }
  }
}

async function keepAsking(phone: Phone, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await phone.folderSync().catch(() => undefined);
    await sleep(10);
  }
}

function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN;
}
