// Every case of the corpus before our codec, llhttp, nginx and HAProxy: what any of them reads differently, we refuse.
// UPDATE_VERDICTS=1 writes the table of verdicts anew.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { comparableMessage, comparableRecord } from './comparable.ts';
import { ACCEPTED, INCOMPLETE, REFUSED } from './corpus.ts';
import type { Reference } from './corpus.ts';
import { readRequests } from './recorder.ts';
import { availableReferences, startReference } from './references.ts';
import type { RunningReference } from './references.ts';

const SENTINEL = 'GET /sentinel HTTP/1.1\r\nHost: sentinel\r\n\r\n';

const names = availableReferences();
if (names.length < 3)
  console.log(`compared with ${names.join(', ')} only: install the packages nginx and haproxy for all`);
const references: RunningReference[] = await Promise.all(names.map(startReference));
const verdicts = new Map<string, Partial<Record<Reference | 'gateway', string>>>();

afterAll(async () => {
  await Promise.all(references.map((reference) => reference.stop()));
  if (process.env['UPDATE_VERDICTS']) writeTable();
});

test('the corpus is large, and no name stands for two cases', () => {
  const all = [...REFUSED, ...ACCEPTED, ...INCOMPLETE].map(([name]) => name);
  expect(all.length).toBeGreaterThanOrEqual(120);
  expect(new Set(all).size).toBe(all.length);
});

const accepted = ACCEPTED.map(([name, raw, stricter]) => ({ name, raw, stricter }));

test.each(accepted)('all read the same: $name', async ({ name, raw, stricter }) => {
  const ours = readRequests(raw);
  expect(ours.error).toBeUndefined();
  expect(ours.messages.every(({ complete }) => complete)).toBe(true);
  const staysOpen = ours.messages.at(-1)?.keepAlive === true;
  const wanted = ours.messages.map((message) => comparableMessage(message, raw));
  if (staysOpen) wanted.push({ method: 'GET', target: '/sentinel', host: 'sentinel', lines: [], body: '' });
  const readings = await readByAll(staysOpen ? raw + SENTINEL : raw, wanted.length);
  for (const { reader, refused, requests, statuses } of readings) {
    note(name, reader, refused ? refusal(statuses) : 'same', 'accepted');
    if (refused && stricter?.by.includes(reader)) continue;
    const read = requests.map((request) => comparableRecord(request, raw));
    expect({ reader, refused, read }).toEqual({ reader, refused: false, read: wanted });
  }
});

test.each(REFUSED)('we refuse, whatever others make of it: %s', async (name, raw, code) => {
  expect(readRequests(raw).error).toBe(code);
  for (const { reader, requests, statuses } of await readByAll(raw, undefined)) {
    const passed = requests.map(
      ({ method, target, body }) => `${method} ${target} with ${body.length} bytes`,
    );
    note(name, reader, passed.length > 0 ? `passes ${passed.join(', ')}` : refusal(statuses), code);
  }
});

test.each(INCOMPLETE)('all wait: %s', async (name, raw) => {
  const ours = readRequests(raw);
  expect(ours.error).toBeUndefined();
  expect(ours.messages.filter(({ complete }) => complete)).toEqual([]);
  for (const { reader, requests, refused, statuses } of await readByAll(raw, undefined)) {
    note(name, reader, refused ? refusal(statuses) : 'waits', 'waits');
    expect({ reader, requests }).toEqual({ reader, requests: [] });
  }
});

function readByAll(raw: string, requests: number | undefined) {
  return Promise.all(
    references.map(async (reference) => ({
      reader: reference.name,
      ...(await reference.read(raw, { requests })),
    })),
  );
}

function refusal(statuses: readonly number[]): string {
  return statuses.length > 0 ? String(statuses.at(-1)) : 'no answer';
}

function note(name: string, reader: Reference, verdict: string, ours: string): void {
  verdicts.set(name, { ...verdicts.get(name), gateway: ours, [reader]: verdict });
}

function writeTable(): void {
  const cell = (text: string | undefined): string =>
    (text ?? '').replaceAll('|', '\\|').replaceAll('`', "'").slice(0, 90);
  const rows = [...verdicts].map(([name, { gateway, llhttp, nginx, haproxy }]) =>
    [name, gateway, llhttp, nginx, haproxy].map(cell).join(' | '),
  );
  const head = ['case | gateway | llhttp | nginx | haproxy', '--- | --- | --- | --- | ---'];
  const text = `# Verdicts on the corpus\n\nWritten by \`UPDATE_VERDICTS=1 vitest run test/gateway/http/differential.test.ts\`.\n\n${[...head, ...rows].join('\n')}\n`;
  writeFileSync(join(import.meta.dirname, 'verdicts.md'), text);
}
