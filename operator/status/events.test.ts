import { describe, expect, test } from 'vitest';
import { serverEventReasons, statusEvents } from './events.ts';

const condition = (type: string, status: 'True' | 'False' | 'Unknown', reason: string) => ({
  type,
  status,
  reason,
  message: `${type} ${status}`,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const conditions = (...list: ReturnType<typeof condition>[]) => ({ conditions: list });
const reach = (healthyPods: number, pods = 2) => ({
  servers: [{ name: 'mbx1', healthyPods, pods, ...(healthyPods < pods && { lastError: 'refused' }) }],
});

describe('events of conditions', () => {
  test('tell what is good and what is bad at the first status', () => {
    const first = conditions(
      condition('Accepted', 'True', 'Accepted'),
      condition('ResolvedRefs', 'False', 'RefNotFound'),
      condition('Conflicted', 'True', 'OverlappingMatch'),
    );
    expect(statusEvents(undefined, first)).toEqual([
      { type: 'Normal', reason: 'Accepted', message: 'Accepted True' },
      { type: 'Warning', reason: 'RefNotFound', message: 'ResolvedRefs False' },
      { type: 'Warning', reason: 'OverlappingMatch', message: 'Conflicted True' },
    ]);
  });

  test('are told once', () => {
    const status = conditions(condition('ResolvedRefs', 'False', 'RefNotFound'));
    expect(statusEvents(status, structuredClone(status))).toEqual([]);
  });

  test('are told again for another reason', () => {
    const before = conditions(condition('ResolvedRefs', 'False', 'RefNotFound'));
    const after = conditions(condition('ResolvedRefs', 'False', 'InvalidCertificate'));
    expect(statusEvents(before, after)).toMatchObject([{ type: 'Warning', reason: 'InvalidCertificate' }]);
  });

  test('are told when something is good again', () => {
    const before = conditions(
      condition('Programmed', 'False', 'Refused'),
      condition('Conflicted', 'True', 'OverlappingMatch'),
    );
    const after = conditions(
      condition('Programmed', 'True', 'Programmed'),
      condition('Conflicted', 'False', 'NoConflict'),
    );
    expect(statusEvents(before, after)).toMatchObject([
      { type: 'Normal', reason: 'Programmed' },
      { type: 'Normal', reason: 'NoConflict' },
    ]);
  });

  test.each([
    ['the summary', condition('Ready', 'False', 'NotReady')],
    ['a step on the way', condition('Programmed', 'False', 'Pending')],
    ['a gateway that was stopped', condition('Programmed', 'Unknown', 'NotRunning')],
  ])('are silent about %s', (_name, one) => {
    expect(statusEvents(undefined, conditions(one))).toEqual([]);
  });
});

describe('events of servers', () => {
  test('tell when the last process lost a server and when one has it again', () => {
    expect(statusEvents(reach(1), reach(0))).toEqual([
      {
        type: 'Warning',
        reason: serverEventReasons.ServerUnreachable,
        message: 'no pod reaches server mbx1: refused',
      },
    ]);
    expect(statusEvents(reach(0), reach(1))).toEqual([
      {
        type: 'Normal',
        reason: serverEventReasons.ServerReachable,
        message: '1 of 2 pods reach server mbx1 again',
      },
    ]);
  });

  test.each([
    ['that as many reach as before', reach(1), reach(1)],
    ['when a pod is new', reach(2), reach(3, 3)],
    ['that is reached from the start', undefined, reach(2)],
    ['when no process runs any more', reach(2), reach(0, 0)],
    ['that stays unreachable', reach(0), reach(0)],
  ])('are silent about a server %s', (_name, before, after) => {
    expect(statusEvents(before, after)).toEqual([]);
  });

  test('tell when some processes lose a server, and when all have it again', () => {
    expect(statusEvents(reach(2), reach(1))).toEqual([
      {
        type: 'Warning',
        reason: serverEventReasons.ServerPartlyReachable,
        message: 'only 1 of 2 pods reach server mbx1: refused',
      },
    ]);
    expect(statusEvents(reach(1), reach(2))).toEqual([
      {
        type: 'Normal',
        reason: serverEventReasons.ServerReachable,
        message: '2 of 2 pods reach server mbx1 again',
      },
    ]);
  });

  test('tell of a server that was never reached', () => {
    expect(statusEvents(undefined, reach(0))).toHaveLength(1);
    expect(statusEvents(reach(0, 0), reach(0))).toHaveLength(1);
  });
});
