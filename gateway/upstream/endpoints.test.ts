import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Deadlines } from '../http/deadlines.ts';
import type { EndpointTarget } from './endpoint.ts';
import { Endpoints } from './endpoints.ts';

const target = (url: string, fields: Partial<EndpointTarget> = {}): EndpointTarget => ({
  url,
  ca: undefined,
  serverName: undefined,
  connectTimeoutMs: 1000,
  inactivityMs: 1000,
  ...fields,
});
const MBX1 = target('https://mbx1.example.com');
const MBX2 = target('https://mbx2.example.com');

describe('the endpoints', () => {
  let time: number;
  let endpoints: Endpoints;

  beforeEach(() => {
    time = 0;
    endpoints = new Endpoints({
      deadlines: new Deadlines({ clock: { now: () => time } }),
      probes: {
        path: '/',
        intervalMs: 3_600_000,
        firstWithinMs: 3_600_000,
        unhealthyIntervalMs: 3_600_000,
        timeoutMs: 1000,
      },
    });
  });

  afterEach(() => endpoints.close());

  test('are one for routes that name the same server in the same way', () => {
    const change = endpoints.change(2);
    expect(change.get(MBX1)).toBe(change.get({ ...MBX1 }));
    expect(change.get(MBX1)).not.toBe(change.get(MBX2));
    change.commit();
  });

  test.each<[string, Partial<EndpointTarget>]>([
    ['name', { serverName: 'other.example.com' }],
    ['time-out', { connectTimeoutMs: 2000 }],
    ['inactivity', { inactivityMs: 2000 }],
    ['probe', { probes: { type: 'EmptyBearer' } }],
    ['judgement', { health: { failuresToDown: 5 } }],
  ])('are two where the %s differs', (_, fields) => {
    const change = endpoints.change(2);
    expect(change.get(MBX1)).not.toBe(change.get({ ...MBX1, ...fields }));
    change.discard();
  });

  test('survive a change that names them again, with their health', () => {
    const first = endpoints.change(1);
    const before = first.get(MBX1);
    first.commit();
    for (let i = 0; i < 2; i++) before.health.connectFailed('refused');
    const second = endpoints.change(2);
    expect(second.get(MBX1)).toBe(before);
    second.get(MBX2);
    second.commit();
    expect(before.health.state).toBe('Down');
  });

  test('that a change no longer names are made anew when they come back', () => {
    const first = endpoints.change(1);
    const before = first.get(MBX1);
    first.commit();
    endpoints.change(0).commit();
    const third = endpoints.change(1);
    expect(third.get(MBX1)).not.toBe(before);
    third.commit();
  });

  test('stay as they are when a change is discarded', () => {
    const first = endpoints.change(1);
    const before = first.get(MBX1);
    first.commit();
    const second = endpoints.change(1);
    second.get(MBX2);
    second.discard();
    const third = endpoints.change(1);
    expect(third.get(MBX1)).toBe(before);
    third.commit();
  });

  test('refuse a URL that is none', () => {
    const change = endpoints.change(1);
    expect(() => change.get(target('https://mbx1.example.com/owa'))).toThrow('the URL of a server must be');
    change.discard();
  });
});
