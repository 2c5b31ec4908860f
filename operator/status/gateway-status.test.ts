import { describe, expect, test } from 'vitest';
import type { GatewayReport } from '../../gateway/config/report.ts';
import type { Condition } from '../api/meta.ts';
import { sentryGatewayStatus, type SentryGatewayStatus } from '../api/sentry-gateway.ts';
import type { GatewayVerdict } from '../translate/types.ts';
import { gatewayStatus } from './gateway-status.ts';
import type { GatewayObservations, PodObservation } from './observations.ts';
import { isSameStatus } from './same-status.ts';
import { SnapshotHistory } from './snapshot-history.ts';

const noon = new Date('2026-01-01T12:00:00.123Z');
const later = new Date('2026-01-01T13:00:00Z');
const wanted = { hash: 'new', generation: 5 };

const verdict: GatewayVerdict = {
  observedGeneration: 3,
  served: true,
  conditions: [
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'fine', observedGeneration: 3 },
    { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'fine', observedGeneration: 3 },
  ],
  listeners: [{ name: 'phones', certificate: { notAfter: '2026-04-01T00:00:00Z' }, attachedRoutes: 2 }],
  clients: {
    host: 'a.example',
    apple: { Host: 'a.example' },
    emailPlus: { email_exchange_host: 'a.example' },
  },
  selector: 'a=b',
};

const report = (hash: string | null, refused?: { hash: string; message: string }): GatewayReport => ({
  build: 'test',
  startedAt: '2026-01-01T00:00:00Z',
  ready: true,
  draining: false,
  snapshot: hash === null ? null : { version: 1, generation: 1, hash },
  refused: refused ? { ...refused, at: '2026-01-01T00:00:00Z' } : null,
  openConnections: 0,
  openPolls: 0,
  devicesSeen: 0,
  servers: [],
});
const pod = (name: string, parts: Partial<PodObservation> = {}): PodObservation => ({
  name,
  ready: true,
  report: report('new'),
  ...parts,
});
const observe = (
  pods: readonly PodObservation[],
  parts: Partial<GatewayObservations> = {},
): GatewayObservations => ({
  wanted,
  pods,
  addresses: ['192.0.2.1'],
  history: new SnapshotHistory(),
  ...parts,
});
const conditionOf = (status: SentryGatewayStatus, type: string): Condition | undefined =>
  status.conditions?.find((condition) => condition.type === type);

const decide = (observations: GatewayObservations, of = verdict) =>
  conditionOf(gatewayStatus(of, observations, undefined, noon), 'Programmed');

describe('Programmed of a gateway', () => {
  test.each([
    [
      'True when every ready process serves the snapshot',
      [pod('a'), pod('b')],
      ['True', 'Programmed', 'generation 5 is served by 2 of 2 ready gateway processes'],
    ],
    [
      'True whatever a process that is not ready serves',
      [pod('a'), pod('b', { ready: false, report: report('old') })],
      ['True', 'Programmed', 'generation 5 is served by 1 of 1 ready gateway process'],
    ],
    ['False when none runs', [], ['False', 'NoReadyGateway', 'no gateway process runs']],
    [
      'False when none is ready, with the error of one',
      [pod('a', { ready: false, report: undefined, error: 'exited with code 1' })],
      ['False', 'NoReadyGateway', 'none of 1 gateway process is ready; a: exited with code 1'],
    ],
    [
      'False when none is ready because the snapshot is bad',
      [pod('a', { ready: false, report: report(null, { hash: 'new', message: 'listener x' }) })],
      [
        'False',
        'NoReadyGateway',
        'none of 1 gateway process is ready; a refused its configuration: listener x',
      ],
    ],
    [
      'False while a ready process serves another snapshot',
      [pod('a'), pod('b', { report: report('old') })],
      ['False', 'Pending', 'generation 5 is served by 1 of 2 ready gateway processes'],
    ],
    [
      'False while a ready process serves none',
      [pod('a', { report: report(null) })],
      ['False', 'Pending', 'generation 5 is served by 0 of 1 ready gateway process'],
    ],
    [
      'False while a ready process cannot be asked',
      [pod('a'), pod('b', { report: undefined, error: 'connection refused' })],
      [
        'False',
        'Pending',
        'generation 5 is served by 1 of 2 ready gateway processes; b cannot be asked: connection refused',
      ],
    ],
    [
      'False when a ready process refused the snapshot',
      [pod('a'), pod('b', { report: report('old', { hash: 'new', message: 'listener x' }) })],
      [
        'False',
        'Refused',
        'generation 5 is served by 1 of 2 ready gateway processes; b refused it: listener x; the last good one serves',
      ],
    ],
    [
      'only Pending when what was refused is an older snapshot',
      [pod('a', { report: report('old', { hash: 'other', message: 'listener x' }) })],
      ['False', 'Pending', 'generation 5 is served by 0 of 1 ready gateway process'],
    ],
  ])('is %s', (_name, pods, [status, reason, message]) => {
    expect(decide(observe(pods))).toMatchObject({ status, reason, message });
  });

  test('is False for what stands in the way, although every process serves what was written', () => {
    const obstacle = { reason: 'SnapshotTooLarge', message: 'split the routes' } as const;
    const expected = { status: 'False', reason: 'SnapshotTooLarge', message: 'split the routes' };
    expect(decide(observe([pod('a')], { obstacle }))).toMatchObject(expected);
  });

  test('is Unknown where nothing runs', () => {
    const obstacle = { reason: 'NotRunning', message: 'start it' } as const;
    const status = gatewayStatus(verdict, observe([], { obstacle }), undefined, noon);
    expect(conditionOf(status, 'Programmed')).toMatchObject({ status: 'Unknown', reason: 'NotRunning' });
    expect(conditionOf(status, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'NotReady' });
  });

  test('is False where this generation cannot be served, although an older one is', () => {
    expect(decide(observe([pod('a')]), { ...verdict, served: false })).toMatchObject({
      status: 'False',
      reason: 'Pending',
      message: 'no listener can be served; what was served before stays',
    });
  });

  test('is False until something was written', () => {
    expect(decide(observe([pod('a')], { wanted: undefined }))).toMatchObject({
      status: 'False',
      reason: 'Pending',
    });
  });
});

describe('the status of a gateway', () => {
  test('has all conditions with the generation, and what was observed', () => {
    const status = gatewayStatus(verdict, observe([pod('a'), pod('b', { ready: false })]), undefined, noon);
    expect(sentryGatewayStatus.parse(status)).toEqual(status);
    expect(status).toMatchObject({
      observedGeneration: 3,
      addresses: [{ value: '192.0.2.1' }],
      selector: 'a=b',
      replicas: 2,
      readyReplicas: 1,
      listeners: verdict.listeners,
      snapshot: wanted,
      clients: verdict.clients,
    });
    const types = ['Accepted', 'ResolvedRefs', 'Programmed', 'Ready'];
    expect(status.conditions?.map(({ type }) => type)).toEqual(types);
    const common = { observedGeneration: 3, lastTransitionTime: '2026-01-01T12:00:00Z', status: 'True' };
    for (const condition of status.conditions ?? []) expect(condition).toMatchObject(common);
  });

  test('is not accepted while its port cannot be had', () => {
    const obstacle = { reason: 'PortUnavailable', message: 'port 443 is in use: choose another' } as const;
    const status = gatewayStatus(verdict, observe([], { obstacle }), undefined, noon);
    expect(conditionOf(status, 'Accepted')).toMatchObject({
      status: 'False',
      reason: 'PortUnavailable',
      message: 'port 443 is in use: choose another',
    });
    expect(conditionOf(status, 'Programmed')).toMatchObject({ status: 'False', reason: 'NotAccepted' });
    expect(conditionOf(status, 'Ready')?.message).toBe(
      'Accepted is False (PortUnavailable): port 443 is in use: choose another',
    );
  });

  test('stays the same when it is decided again', () => {
    const first = gatewayStatus(verdict, observe([pod('a')]), undefined, noon);
    const second = gatewayStatus(verdict, observe([pod('a')]), first, later);
    expect(isSameStatus(first, second)).toBe(true);
  });

  test('moves the time of a condition with its status only', () => {
    const first = gatewayStatus(verdict, observe([pod('a', { report: report('old') })]), undefined, noon);
    const second = gatewayStatus(verdict, observe([pod('a')]), first, later);
    expect(conditionOf(second, 'Programmed')?.lastTransitionTime).toBe('2026-01-01T13:00:00Z');
    expect(conditionOf(second, 'Accepted')?.lastTransitionTime).toBe('2026-01-01T12:00:00Z');
  });

  test('keeps conditions of others', () => {
    const foreign = { ...conditionTemplate, type: 'example.com/Audited' };
    const status = gatewayStatus(verdict, observe([pod('a')]), { conditions: [foreign] }, noon);
    expect(status.conditions).toContainEqual(foreign);
  });

  test('never replaces one of a newer generation', () => {
    const newer = { observedGeneration: 4, conditions: [] };
    expect(gatewayStatus(verdict, observe([pod('a')]), newer, noon)).toBe(newer);
  });
});

const conditionTemplate: Condition = {
  type: 'x',
  status: 'True',
  reason: 'Audited',
  message: '',
  lastTransitionTime: '2025-01-01T00:00:00Z',
};
