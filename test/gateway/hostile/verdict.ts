// Whether the gateway, and the server behind it, made of an attack what they should have.
import { expect } from 'vitest';
import { readRequests } from '../http/recorder.ts';
import type { RecordedRequest } from '../http/recording-upstream.ts';
import type { Outcome } from './besieged-gateway.ts';
import type { Expectation } from './hostile-case.ts';

const PATH = '/Microsoft-Server-ActiveSync';
/** Between a phone and the gateway only, or never believed. */
const NEVER_HANDED_ON =
  /^(?:upgrade|http2-settings|proxy-connection|keep-alive|proxy-authorization|expect|trailer|x-forwarded-host|forwarded|x-evil)$/i;

export function isOver(expected: Expectation | 'as-read', raw: string): (outcome: Outcome) => boolean {
  if (expected === 'as-read') {
    const { length } = readRequests(raw).messages;
    return ({ answers }) => answers.length >= length;
  }
  if (expected.kind === 'refused' || expected.kind === 'closes') return ({ closed }) => closed;
  if (expected.kind === 'waits') return () => true;
  const wanted = expected.kind === 'passes' ? expected.requests : 1;
  return ({ answers }) => answers.length >= wanted;
}

/** Fails unless the outcome is the one expected. `raw` is what was sent. */
export function judge(expected: Expectation | 'as-read', raw: string, outcome: Outcome): void {
  onlyWhatWasSent(raw, outcome);
  const { answers, closed, handedOn } = outcome;
  if (expected === 'as-read') {
    expect(answers).toHaveLength(readRequests(raw).messages.length);
    return;
  }
  switch (expected.kind) {
    case 'refused': {
      const { status, passedBefore = 0 } = expected;
      expect({ last: answers.at(-1), closed }).toEqual({ last: { status, recorded: false }, closed: true });
      expect([answers.length, handedOn.length]).toEqual([passedBefore + 1, passedBefore]);
      return;
    }
    case 'answered':
      expect(answers).toEqual([{ status: expected.status, recorded: false }]);
      return;
    case 'passes':
      expect(answers.filter(({ recorded }) => recorded).length).toBeLessThanOrEqual(expected.requests);
      return;
    case 'waits':
      expect({ answers, handedOn }).toEqual({ answers: [], handedOn: [] });
      return;
    case 'closes':
      expect(closed).toBe(true);
  }
}

/**
 * Every request that was handed on is one that was sent, whole and in its order, and is answered as such; its framing, its Host
 * and where it came from are said once, by the gateway.
 */
function onlyWhatWasSent(raw: string, { answers, handedOn }: Outcome): void {
  const { messages } = readRequests(raw);
  const passed = messages.filter((_, at) => answers[at]?.recorded === true);
  expect(handedOn.map(({ method, body }) => ({ method, body }))).toEqual(
    passed.map(({ head: { method }, body }) => ({ method, body })),
  );
  for (const [at, request] of handedOn.entries()) {
    expect(queryOf(request.target)).toBe(queryOf(passed[at]?.head.target ?? ''));
    expect(request.target.startsWith(PATH)).toBe(true);
    unambiguous(request);
  }
}

function unambiguous({ lines }: RecordedRequest): void {
  const names = lines.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  const count = (wanted: string): number => names.filter((name) => name === wanted).length;
  expect(count('content-length') + count('transfer-encoding')).toBeLessThanOrEqual(1);
  expect([count('host'), count('authorization')]).toEqual([1, 1]);
  expect(valuesOf(lines, 'host')).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
  expect(valuesOf(lines, 'x-forwarded-for')).toEqual(['127.0.0.1']);
  expect(valuesOf(lines, 'x-forwarded-proto')).toEqual(['https']);
  expect(names.filter((name) => NEVER_HANDED_ON.test(name))).toEqual([]);
}

function valuesOf(lines: readonly string[], wanted: string): string[] {
  return lines.filter((_, at) => at % 2 === 1 && lines[at - 1]?.toLowerCase() === wanted);
}

function queryOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? '' : target.slice(mark);
}
