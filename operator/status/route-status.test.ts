import { describe, expect, test } from 'vitest';
import type { GatewayReport } from '../../gateway/config/report.ts';
import type { Snapshot } from '../../gateway/config/snapshot.ts';
import type { ConditionUpdate } from '../api/conditions.ts';
import { exchangeRouteStatus, type ExchangeRouteStatus } from '../api/exchange-route.ts';
import type { ParentVerdict, RouteVerdict } from '../translate/types.ts';
import type { GatewayObservations, PodObservation } from './observations.ts';
import { routeStatus } from './route-status.ts';
import { isSameStatus } from './same-status.ts';
import { SnapshotHistory } from './snapshot-history.ts';

const noon = new Date('2026-01-01T12:00:00Z');
const later = new Date('2026-01-01T13:00:00Z');
const key = 'default/r';

const good = (type: string): ConditionUpdate => ({
  type,
  status: 'True',
  reason: type,
  message: 'fine',
  observedGeneration: 2,
});
const bad = (type: string, reason: string): ConditionUpdate => ({
  ...good(type),
  status: 'False',
  reason,
  message: 'do something',
});
const conflict: ConditionUpdate = { ...good('Conflicted'), reason: 'OverlappingMatch', message: 'a has it' };

const parent = (name = 'mail', parts: Partial<ParentVerdict> = {}): ParentVerdict => ({
  gatewayRef: { name },
  gateway: `default/${name}`,
  conditions: [good('Accepted'), good('ResolvedRefs')],
  served: true,
  ...parts,
});
const verdictOf = (...parents: ParentVerdict[]): RouteVerdict => ({
  observedGeneration: 2,
  parents,
  servers: ['mbx1', 'mbx2'],
});

type ServerReport = GatewayReport['servers'][number];
const server = (name: string, healthy = true, parts: Partial<ServerReport> = {}): ServerReport => ({
  route: key,
  server: name,
  healthy,
  since: '2026-01-01T10:00:00Z',
  lastError: healthy ? null : `no ${name}`,
  ...parts,
});
const pod = (hash: string, servers: ServerReport[] = []): PodObservation => ({
  name: 'pod',
  ready: true,
  report: {
    build: 'test',
    startedAt: '2026-01-01T00:00:00Z',
    ready: true,
    draining: false,
    snapshot: { version: 1, generation: 1, hash },
    refused: null,
    openConnections: 0,
    openPolls: 0,
    devicesSeen: 0,
    servers,
  },
});
const gateway = (pods: PodObservation[], parts: Partial<GatewayObservations> = {}): GatewayObservations => ({
  wanted: { hash: 'new', generation: 5 },
  pods,
  addresses: [],
  history: new SnapshotHistory(),
  ...parts,
});
const snapshotWith = (...routes: { name: string; url: string }[]): Snapshot =>
  ({
    routes: routes.map(({ name, url }) => ({ namespace: 'default', name, servers: [{ url }] })),
  }) as unknown as Snapshot;

const decide = (
  verdict: RouteVerdict,
  observations: Record<string, GatewayObservations>,
  previous?: ExchangeRouteStatus,
  now = noon,
) => routeStatus({ key, verdict, observations: new Map(Object.entries(observations)) }, previous, now);
const conditionOf = (status: ExchangeRouteStatus, type: string) =>
  status.conditions?.find((condition) => condition.type === type);

describe('the status of a route', () => {
  test('tells how many users moved and how many cannot, by the pod with the most, and nothing where there are none', () => {
    const counting = (redirects: GatewayReport['redirects']): PodObservation => {
      const one = pod('new');
      return { ...one, report: { ...one.report!, redirects } };
    };
    const pods = [
      counting([
        { route: key, moved: 3, stuck: 1 },
        { route: 'default/other', moved: 9, stuck: 9 },
      ]),
      counting([{ route: key, moved: 2, stuck: 4 }]),
      pod('new'),
    ];
    const status = decide(verdictOf(parent()), { 'default/mail': gateway(pods) });
    expect(status.redirects).toEqual({ movedUsers: 3, stuckUsers: 4 });
    expect(exchangeRouteStatus.parse(status)).toEqual(status);
    const none = decide(verdictOf(parent()), { 'default/mail': gateway([counting([])]) }, status);
    expect(none).not.toHaveProperty('redirects');
  });

  test('has all conditions with each gateway and over all of them', () => {
    const clients = { host: 'a', apple: { Host: 'a' }, emailPlus: { email_exchange_host: 'a' } };
    const status = decide(verdictOf(parent('mail', { clients })), { 'default/mail': gateway([pod('new')]) });
    expect(exchangeRouteStatus.parse(status)).toEqual(status);
    const types = ['Accepted', 'ResolvedRefs', 'Programmed', 'Ready'];
    const expected = types.map((type) => ({ type, status: 'True', observedGeneration: 2 }));
    expect(status.conditions).toMatchObject(expected);
    expect(status.gateways).toMatchObject([{ gatewayRef: { name: 'mail' }, conditions: expected, clients }]);
  });

  test('names the gateway that the summary is about where there are several', () => {
    const refused = parent('post', {
      conditions: [bad('Accepted', 'NoMatchingParent'), good('ResolvedRefs')],
    });
    const status = decide(verdictOf(parent(), refused), { 'default/mail': gateway([pod('new')]) });
    expect(conditionOf(status, 'Accepted')).toMatchObject({
      status: 'False',
      reason: 'NoMatchingParent',
      message: 'SentryGateway default/post: do something',
    });
    expect(conditionOf(status, 'Programmed')).toMatchObject({ status: 'False', reason: 'NotAccepted' });
    expect(conditionOf(status, 'Ready')).toMatchObject({ status: 'False', reason: 'NotReady' });
    expect(status.gateways?.[0]?.conditions.every((condition) => condition.status === 'True')).toBe(true);
  });

  test.each([
    [
      'a reference does not resolve',
      parent('mail', { conditions: [good('Accepted'), bad('ResolvedRefs', 'RefNotFound')] }),
    ],
    ['no listener of it is served', parent('mail', { served: false })],
  ])('is not programmed while %s, although every process serves the snapshot', (_name, of) => {
    const status = decide(verdictOf(of), { 'default/mail': gateway([pod('new')]) });
    expect(conditionOf(status, 'Programmed')).toMatchObject({ status: 'False', reason: 'Pending' });
  });

  test('is not programmed on a gateway of which nothing is known', () => {
    expect(conditionOf(decide(verdictOf(parent()), {}), 'Programmed')).toMatchObject({ status: 'False' });
  });

  test('says that a conflict is gone', () => {
    const conflicting = parent('mail', { conditions: [...parent().conditions, conflict] });
    const observations = { 'default/mail': gateway([pod('new')]) };
    const first = decide(verdictOf(conflicting), observations);
    expect(conditionOf(first, 'Conflicted')).toMatchObject({ status: 'True', reason: 'OverlappingMatch' });
    expect(conditionOf(first, 'Ready')).toMatchObject({ status: 'True' });
    const second = decide(verdictOf(parent()), observations, first, later);
    const gone = { status: 'False', reason: 'NoConflict', lastTransitionTime: '2026-01-01T13:00:00Z' };
    expect(conditionOf(second, 'Conflicted')).toMatchObject(gone);
    expect(second.gateways?.[0]?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Conflicted', ...gone }),
    );
    expect(conditionOf(decide(verdictOf(parent()), observations), 'Conflicted')).toBeUndefined();
  });

  test('drops the state with a gateway that it no longer names', () => {
    const first = decide(verdictOf(parent(), parent('post')), {});
    expect(decide(verdictOf(parent()), {}, first).gateways?.map(({ gatewayRef }) => gatewayRef.name)).toEqual(
      ['mail'],
    );
  });

  test('never replaces one of a newer generation', () => {
    const newer = { observedGeneration: 3 };
    expect(decide(verdictOf(parent()), {}, newer)).toBe(newer);
  });
});

describe('an edit of one route', () => {
  const history = new SnapshotHistory();
  history.add('old', snapshotWith({ name: 'r', url: 'a' }, { name: 'edited', url: 'b' }));
  history.add('new', snapshotWith({ name: 'r', url: 'a' }, { name: 'edited', url: 'c' }));
  const during = { 'default/mail': gateway([pod('old')], { history }) };
  const after = { 'default/mail': gateway([pod('new')], { history }) };

  test('changes nothing of the status of another one', () => {
    const first = decide(verdictOf(parent()), after);
    const second = decide(verdictOf(parent()), during, first, later);
    expect(isSameStatus(first, second)).toBe(true);
    expect(conditionOf(second, 'Programmed')).toMatchObject({ status: 'True' });
  });

  test('is programmed when every ready process serves it', () => {
    const edited = (observations: typeof during) =>
      routeStatus(
        {
          key: 'default/edited',
          verdict: verdictOf(parent()),
          observations: new Map(Object.entries(observations)),
        },
        undefined,
        noon,
      );
    expect(conditionOf(edited(during), 'Programmed')).toMatchObject({ status: 'False', reason: 'Pending' });
    expect(conditionOf(edited(after), 'Programmed')).toMatchObject({ status: 'True' });
  });

  test('is not taken as served by a process whose snapshot nobody knows', () => {
    const unknown = { 'default/mail': gateway([pod('unknown')], { history }) };
    expect(conditionOf(decide(verdictOf(parent()), unknown), 'Programmed')).toMatchObject({
      status: 'False',
    });
  });

  test('is forgotten when no process serves the older snapshot any more', () => {
    const short = new SnapshotHistory();
    short.add('old', snapshotWith({ name: 'r', url: 'a' }));
    short.add('new', snapshotWith({ name: 'r', url: 'a' }));
    expect(short.serves('old', 'new', key)).toBe(true);
    short.retain(['new']);
    expect(short.serves('old', 'new', key)).toBe(false);
    expect(short.serves('new', 'new', 'default/gone')).toBe(true);
  });
});

const two = (one: ServerReport[], other: ServerReport[]) => ({
  'default/mail': gateway([pod('new', one), pod('new', other)]),
});

describe('the servers of a route', () => {
  test('count the processes of all its gateways that reach them', () => {
    const status = decide(verdictOf(parent(), parent('post')), {
      'default/mail': gateway([pod('new', [server('mbx1'), server('mbx2', false)])]),
      'default/post': gateway([pod('new', [server('mbx1'), server('mbx2')])]),
      'default/foreign': gateway([pod('new', [server('mbx1', false)])]),
    });
    expect(status.servers).toEqual([
      { name: 'mbx1', healthyPods: 2, pods: 2, since: '2026-01-01T12:00:00Z' },
      { name: 'mbx2', healthyPods: 1, pods: 2, since: '2026-01-01T12:00:00Z', lastError: 'no mbx2' },
    ]);
  });

  test('are asked once where a route names a gateway twice', () => {
    const both = verdictOf(parent(), { ...parent(), gatewayRef: { name: 'mail', listenerName: 'tablets' } });
    const status = decide(both, { 'default/mail': gateway([pod('new', [server('mbx1')])]) });
    expect(status.servers?.[0]).toMatchObject({ healthyPods: 1, pods: 1 });
  });

  test('of another route do not count', () => {
    const foreign = server('mbx1', false, { route: 'default/other' });
    const status = decide(verdictOf(parent()), { 'default/mail': gateway([pod('new', [foreign])]) });
    expect(status.servers?.[0]).toEqual({ name: 'mbx1', healthyPods: 0, pods: 0 });
  });

  test('keep their time while as many processes reach them', () => {
    const first = decide(verdictOf(parent()), two([server('mbx1')], [server('mbx1', false)]));
    const swapped = decide(verdictOf(parent()), two([server('mbx1', false)], [server('mbx1')]), first, later);
    expect(swapped.servers?.[0]?.since).toBe('2026-01-01T12:00:00Z');
    const lost = decide(
      verdictOf(parent()),
      two([server('mbx1', false)], [server('mbx1', false)]),
      first,
      later,
    );
    expect(lost.servers?.[0]?.since).toBe('2026-01-01T13:00:00Z');
  });

  test('show the error of the process that lost them last, cut to what the API takes', () => {
    const first = server('mbx1', false, { since: '2026-01-01T10:00:00Z', lastError: 'first' });
    const last = server('mbx1', false, { since: '2026-01-01T11:00:00Z', lastError: 'x'.repeat(2000) });
    const status = decide(verdictOf(parent()), two([last], [first]));
    expect(status.servers?.[0]?.lastError).toBe('x'.repeat(1024));
    expect(exchangeRouteStatus.safeParse(status).success).toBe(true);
  });
});
