import { describe, expect, test } from 'vitest';
import { UpstreamError, type UpstreamErrorCode } from '../http/errors.ts';
import { HeaderList } from '../http/headers.ts';
import { ServerHealth, type HealthState } from './health.ts';
import { isFailingAnswer, observeError } from './observation.ts';

class FakeClock {
  time = 0;
  now = (): number => this.time;
  pass(seconds: number): void {
    this.time += seconds * 1000;
  }
}

function server(): { health: ServerHealth; clock: FakeClock; states: HealthState[] } {
  const clock = new FakeClock();
  const states: HealthState[] = [];
  const health = new ServerHealth({
    clock,
    now: () => new Date(clock.time),
    onChange: ({ state }) => states.push(state),
  });
  return { health, clock, states };
}

const fail503 = (health: ServerHealth, ...users: string[]): void => {
  for (const user of users) health.answered(true, user);
};

describe('a server', () => {
  test('begins healthy', () => {
    expect(server().health).toMatchObject({ state: 'Healthy', lastError: null });
  });

  test('is down after two failures to connect in a row, not after one', () => {
    const { health } = server();
    health.connectFailed('refused');
    expect(health.state).toBe('Healthy');
    health.connectFailed('refused');
    expect(health).toMatchObject({ state: 'Down', lastError: 'refused' });
  });

  test('stays healthy when an answer comes between two failures', () => {
    const { health } = server();
    health.connectFailed('refused');
    health.answered(false, 'ann');
    health.connectFailed('refused');
    expect(health.state).toBe('Healthy');
  });

  test('is under suspicion after a request without an answer, and down when the next probe fails', () => {
    const { health } = server();
    health.unanswered('no first byte');
    expect(health).toMatchObject({ state: 'Healthy', suspected: true });
    health.probeFailed('no answer');
    expect(health).toMatchObject({ state: 'Down', suspected: false, lastError: 'no answer' });
  });

  test('is cleared of suspicion by a probe, however many requests of one user have no answer', () => {
    const { health } = server();
    for (let i = 0; i < 10; i++) {
      health.unanswered('reset');
      health.probeSucceeded();
    }
    expect(health).toMatchObject({ state: 'Healthy', suspected: false, lastError: null });
  });

  test('is degraded when three users get 502, 503 or 504 within 30 seconds', () => {
    const { health } = server();
    fail503(health, 'ann', 'bob', 'ann', 'ann');
    expect(health.state).toBe('Healthy');
    fail503(health, 'carl');
    expect(health).toMatchObject({ state: 'Degraded', lastError: '3 users got 502, 503 or 504' });
  });

  test('stays healthy when the three do not meet within 30 seconds', () => {
    const { health, clock } = server();
    for (const user of ['ann', 'bob', 'carl', 'dora', 'ann']) {
      fail503(health, user);
      clock.pass(16);
    }
    expect(health.state).toBe('Healthy');
  });

  test('stays healthy when more requests are served meanwhile than fail', () => {
    const { health } = server();
    fail503(health, 'ann');
    for (let i = 0; i < 10; i++) health.answered(false, `user${i}`);
    fail503(health, 'bob', 'carl');
    expect(health.state).toBe('Healthy');
  });

  test('is degraded when it served many before it began to fail', () => {
    const { health } = server();
    for (let i = 0; i < 100; i++) health.answered(false, `user${i}`);
    fail503(health, 'ann', 'bob', 'carl');
    expect(health.state).toBe('Degraded');
  });

  test('returns from down by one probe as a last resort, and by two for good', () => {
    const { health, clock, states } = server();
    health.connectFailed('refused');
    health.connectFailed('refused');
    clock.pass(3);
    health.probeSucceeded();
    expect(health.state).toBe('Degraded');
    expect(health.since).toEqual(new Date(0));
    clock.pass(2);
    health.probeSucceeded();
    expect(health).toMatchObject({ state: 'Healthy', lastError: null, since: new Date(5000) });
    expect(states).toEqual(['Down', 'Degraded', 'Healthy']);
  });

  test('does not return when a probe fails between two that succeed', () => {
    const { health, clock } = server();
    health.probeFailed('x');
    health.probeFailed('x');
    for (let i = 0; i < 6; i++) {
      clock.pass(2);
      health.probeSucceeded();
      clock.pass(2);
      health.probeFailed('x');
    }
    expect(health.state).not.toBe('Healthy');
  });

  test('that answered 503 to many stays away for 30 seconds, whatever the probes say', () => {
    const { health, clock } = server();
    fail503(health, 'ann', 'bob', 'carl');
    for (let i = 0; i < 14; i++) {
      clock.pass(2);
      health.probeSucceeded();
    }
    expect(health.state).toBe('Degraded');
    clock.pass(2);
    health.probeSucceeded();
    expect(health.state).toBe('Healthy');
  });

  test('that relapses soon after its return stays away twice as long each time, at most five minutes', () => {
    const { health, clock } = server();
    const away: number[] = [];
    for (let i = 0; i < 6; i++) {
      fail503(health, 'ann', 'bob', 'carl');
      const from = clock.time;
      while (health.state !== 'Healthy') {
        clock.pass(2);
        health.probeSucceeded();
      }
      away.push((clock.time - from) / 1000);
    }
    expect(away).toEqual([30, 60, 120, 240, 300, 300]);
    clock.pass(301);
    fail503(health, 'ann', 'bob', 'carl');
    clock.pass(30);
    health.probeSucceeded();
    health.probeSucceeded();
    expect(health.state).toBe('Healthy');
  });

  test('goes from degraded to down when it no longer answers', () => {
    const { health } = server();
    fail503(health, 'ann', 'bob', 'carl');
    health.connectFailed('refused');
    health.connectFailed('refused');
    expect(health.state).toBe('Down');
  });

  test('remembers a bounded number of users', () => {
    const { health } = server();
    health.answered(true, 'first');
    for (let i = 0; i < 1000; i++) health.answered(false, 'x');
    for (let i = 0; i < 900; i++) health.answered(true, `user${i}`);
    expect(health.state).toBe('Healthy');
    for (let i = 0; i < 200; i++) health.answered(true, `user${i}`);
    expect(health.state).toBe('Degraded');
  });
});

describe('an answer', () => {
  test.each([401, 403, 404, 449, 451, 456, 457, 500, 501, 507, 200])(
    'of %i is never a failure of the server',
    (status) => {
      expect(isFailingAnswer(status, new HeaderList(), false)).toBe(false);
    },
  );

  test.each([502, 503, 504])('of %i may be one', (status) => {
    expect(isFailingAnswer(status, new HeaderList(), false)).toBe(true);
  });

  test.each(['Retry-After', 'X-MS-ASThrottle', 'X-MS-BackOffDuration', 'X-MS-BackOffReason'])(
    'of 503 with %s is a throttle of one user',
    (name) => {
      expect(isFailingAnswer(503, HeaderList.of([name, '1']), false)).toBe(false);
    },
  );

  test('of 503 to a Ping is a throttle of one user', () => {
    expect(isFailingAnswer(503, new HeaderList(), true)).toBe(false);
  });
});

const observe = (code: UpstreamErrorCode, reused: boolean): ServerHealth => {
  const { health } = server();
  observeError(health, new UpstreamError(code, 'sent', reused), 'refused');
  return health;
};

describe('an error', () => {
  test.each<[UpstreamErrorCode, boolean, boolean]>([
    ['ConnectFailed', false, true],
    ['ConnectTimeout', false, true],
    ['CertificateRefused', false, true],
    ['ConnectionLost', false, true],
    ['ConnectionLost', true, false],
    ['FirstByteTimeout', true, true],
    ['InactivityTimeout', false, true],
    ['BadResponse', false, true],
    ['PoolExhausted', false, false],
    ['PoolClosed', false, false],
  ])('%s (on a reused connection: %s) makes a server suspect: %s', (code, reused, suspect) => {
    expect(observe(code, reused).suspected).toBe(suspect);
  });
});
