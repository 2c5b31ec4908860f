import { describe, expect, test } from 'vitest';
import type { GatewayReport } from '../config/report.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { AccessLog } from './access-log.ts';
import { Metrics } from './metrics.ts';
import type { RequestRecord } from './request-record.ts';
import { Telemetry } from './telemetry.ts';

const record: RequestRecord = {
  listener: 'phones',
  method: 'POST',
  command: 'Sync',
  version: '16.1',
  code: 200,
  route: 'default/example-com',
  server: 'mbx1',
  reason: '',
  firstByteMillis: 12.345,
  durationMillis: 20,
  bytesIn: 100,
  bytesOut: 1000,
  poll: false,
  heartbeatSeconds: null,
  replays: 0,
  identityMismatch: false,
  user: 'Alice@example.com',
  device: 'DEVICE1',
  clientAddress: '192.0.2.1',
};
const report: GatewayReport = {
  build: '1.0.0',
  startedAt: '2026-11-23T12:00:00.000Z',
  ready: true,
  draining: false,
  snapshot: null,
  refused: null,
  openConnections: 7,
  openPolls: 5,
  devicesSeen: 3,
  servers: [
    {
      route: 'default/example-com',
      server: 'mbx1',
      healthy: true,
      since: '2026-11-23T12:00:00.000Z',
      lastError: null,
    },
  ],
};

async function linesOf(metrics: Metrics, change: Partial<GatewayReport> = {}): Promise<string[]> {
  const state = { report: { ...report, ...change }, handshakes: { arriving: 3, queued: 2, inFlight: 1 } };
  return (await metrics.render(state)).split('\n').filter((line) => line.startsWith('sentry_'));
}

describe('metrics', () => {
  test('count a request by command, version, code and server, once however often they are read', async () => {
    const metrics = new Metrics('1.0.0');
    for (let i = 0; i < 3; i++) metrics.count(record);
    const line =
      'sentry_requests_total{command="Sync",version="16.1",code="200",server="default/example-com/mbx1"} 3';
    expect(await linesOf(metrics)).toContain(line);
    expect(await linesOf(metrics)).toContain(line);
    expect(await linesOf(metrics)).toContain('sentry_body_bytes_total{direction="sent"} 3000');
    metrics.count(record);
    expect(await linesOf(metrics)).toContain(line.replace(/3$/, '4'));
  });

  test('keep polls out of the latency, and count their heartbeats', async () => {
    const metrics = new Metrics('1.0.0');
    metrics.count(record);
    metrics.count({
      ...record,
      command: 'Ping',
      poll: true,
      firstByteMillis: 900_000,
      heartbeatSeconds: 900,
    });
    const lines = await linesOf(metrics);
    expect(lines).toContain('sentry_first_byte_seconds_count{server="default/example-com/mbx1"} 1');
    expect(lines).toContain('sentry_heartbeat_seconds_sum 900');
  });

  test('have the mean of the last 200 heartbeats, and none before', async () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const telemetry = new Telemetry({ build: '1.0.0', destination });
    const poll = { ...record, command: 'Ping', poll: true, heartbeatSeconds: 480 };
    const mean = async (): Promise<string[]> =>
      (await linesOf(telemetry.metrics)).filter((line) => line.startsWith('sentry_heartbeat_mean'));
    for (let i = 0; i < 199; i++) telemetry.requestFinished(poll);
    expect(await mean()).toEqual([]);
    telemetry.requestFinished(poll);
    expect(await mean()).toEqual(['sentry_heartbeat_mean_seconds 480']);
    for (let i = 0; i < 200; i++) telemetry.requestFinished({ ...poll, heartbeatSeconds: 1800 });
    const told = lines.filter((line) => line.includes('heartbeats are'));
    expect(told.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 40, meanSeconds: 480, threshold: 540 },
      { level: 30 },
    ]);
  });

  test('count devices by the versions that they spoke', async () => {
    const metrics = new Metrics('1.0.0');
    const lines = await linesOf(metrics, { devicesByVersion: { '14.1': 2, '16.1': 7 } });
    expect(lines).toEqual(
      expect.arrayContaining([
        'sentry_devices_seen_by_version{version="14.1"} 2',
        'sentry_devices_seen_by_version{version="16.1"} 7',
      ]),
    );
  });

  test('show what the report says, and forget servers that are no longer configured', async () => {
    const metrics = new Metrics('1.0.0');
    const lines = await linesOf(metrics);
    expect(lines).toEqual(
      expect.arrayContaining([
        'sentry_open_polls 5',
        'sentry_open_connections 7',
        'sentry_devices_seen 3',
        'sentry_ready 1',
        'sentry_upstream_healthy{server="default/example-com/mbx1"} 1',
        'sentry_pending_handshakes{state="queued"} 2',
      ]),
    );
    expect(
      (await linesOf(metrics, { servers: [] })).filter((line) => line.startsWith('sentry_upstream')),
    ).toEqual([]);
  });

  test('stay few whatever clients send: unknown commands, versions and reasons are one value each', async () => {
    const metrics = new Metrics('1.0.0');
    const before = (await linesOf(metrics)).length;
    for (let i = 0; i < 1000; i++) {
      const text = `x${i}`;
      metrics.count({
        ...record,
        command: text,
        version: text,
        code: 1000 + i,
        server: '',
        reason: `not a constant ${i}`,
      });
      metrics.count({ ...record, command: '', method: text, version: '', code: 0, server: '', reason: '' });
    }
    const lines = await linesOf(metrics);
    expect(lines).toContain(
      'sentry_requests_total{command="other",version="other",code="other",server=""} 1000',
    );
    expect(lines).toContain('sentry_requests_total{command="none",version="none",code="0",server=""} 1000');
    expect(lines).toContain('sentry_own_answers_total{code="other",reason="other"} 1000');
    expect(lines.length - before).toBeLessThan(25);
  });

  test('never name a user, a device or an address', async () => {
    const metrics = new Metrics('1.0.0');
    metrics.count({ ...record, reason: 'no-route', identityMismatch: true, replays: 2 });
    const text = (await linesOf(metrics)).join('\n');
    expect(text).toContain('sentry_own_answers_total{code="200",reason="no-route"} 1');
    expect(text).toContain('sentry_replays_total 2');
    expect(text).toContain('sentry_identity_mismatches_total 1');
    expect(text).not.toMatch(/alice|device1|192\.0\.2\.1/i);
  });
});

describe('the access log', () => {
  function logOf(
    logging: Snapshot['logging'],
    records: RequestRecord[],
    key = 'k'.repeat(48),
  ): Record<string, unknown>[] {
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) };
    const { log } = new Telemetry({ build: '1.0.0', destination });
    let sample = 0;
    const accessLog = new AccessLog(log, () => (sample++ % 100) / 100);
    const snapshot = { logging, ticketKeyFile: 'ticket.key' } as Snapshot;
    accessLog.configure(snapshot, new Map([['ticket.key', Buffer.from(key)]]));
    for (const each of records) accessLog.write(each);
    return lines;
  }
  const all = { access: 'All', samplePercent: 10, identifiers: 'Hashed' } as const;

  test('has a line with the figures of each request', () => {
    const [line] = logOf(all, [record]);
    expect(line).toMatchObject({
      msg: 'request',
      listener: 'phones',
      command: 'Sync',
      code: 200,
      server: 'mbx1',
      firstByteMillis: 12.3,
      bytesOut: 1000,
      client: '192.0.2.1',
    });
  });

  test('hashes users and devices alike in every replica with the same key, in any case, and otherwise with another', () => {
    const [one, same] = logOf(all, [record, { ...record, user: 'ALICE@example.com', device: 'device1' }]);
    expect(one?.['user']).toMatch(/^[0-9a-f]{16}$/);
    expect([same?.['user'], same?.['device']]).toEqual([one?.['user'], one?.['device']]);
    expect(logOf(all, [record])[0]?.['user']).toBe(one?.['user']);
    expect(logOf(all, [record], 'o'.repeat(48))[0]?.['user']).not.toBe(one?.['user']);
    expect(logOf(all, [{ ...record, user: '' }])[0]?.['user']).toBe('');
  });

  test('names users and devices where that is allowed', () => {
    const [line] = logOf({ ...all, identifiers: 'Plain' }, [record]);
    expect([line?.['user'], line?.['device']]).toEqual(['Alice@example.com', 'DEVICE1']);
  });

  const everyday = [
    record,
    { ...record, code: 401 },
    { ...record, code: 0, poll: true },
    { ...record, code: 302, command: 'OAuthAuthorize' },
  ];
  const errors = [
    { ...record, code: 503, reason: 'no-server' },
    { ...record, code: 403, reason: 'no-route' },
    { ...record, code: 0 },
  ];

  test('of errors leaves out what is everyday: sign-ins, and phones that leave their poll', () => {
    const lines = logOf({ ...all, access: 'Errors' }, [...everyday, ...errors]);
    expect(lines.map(({ code }) => code)).toEqual([503, 403, 0]);
  });

  test('of samples has every error and that share of the rest', () => {
    const many = Array.from({ length: 1000 }, () => record);
    const lines = logOf({ ...all, access: 'Sampled', samplePercent: 5 }, [...many, ...errors]);
    expect(lines.length).toBe(50 + errors.length);
  });
});
