import { array, assert, constantFrom, property, record } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideStepOut, HOLD_MS, RENEW_MS, REST_MS, type StepOutAction } from './decide.ts';
import { FOUND_AFTER_MS, LOST_AFTER_MS } from './losses.ts';
import type { PodView, StepOutMemory } from './pod.ts';
import { TRUSTED_AGE_MS } from './siblings.ts';

const HOUR = 3_600_000;
const noon = Date.parse('2026-11-23T12:00:00Z');

/** A gateway whose pods obey, and are ready three seconds after they were let back; looked at once a second. Pods' clocks are an hour ahead of one another. */
class Scene {
  readonly pods = new Map<
    string,
    {
      lost: Set<string>;
      ready: boolean;
      silent: boolean;
      ageMs: number;
      order?: PodView['order'];
      /** Not ready before. */
      readyMs: number;
    }
  >();
  readonly routes: readonly string[];
  memory: StepOutMemory = new Map();
  nowMs = 0;
  wanted: number | undefined;
  unsettled = false;
  error = 'refused';

  constructor(names: readonly string[], routes: readonly string[] = ['a/1', 'a/2']) {
    this.routes = routes;
    for (const name of names) this.add(name);
  }

  add(name: string, parts: { ready?: boolean; ageMs?: number } = {}): void {
    this.pods.set(name, { lost: new Set(), ready: true, silent: false, ageMs: HOUR, readyMs: 0, ...parts });
  }

  pod(name: string) {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    return pod;
  }

  cut(name: string, ...routes: string[]): void {
    this.pod(name).lost = new Set(routes.length > 0 ? routes : this.routes);
  }

  restore(name: string): void {
    this.pod(name).lost.clear();
  }

  clockMs(name: string): number {
    return noon + [...this.pods.keys()].indexOf(name) * HOUR + this.nowMs;
  }

  views(): PodView[] {
    return [...this.pods].map(([name, { lost, ready, silent, ageMs, order, readyMs }]) => ({
      name,
      ready: ready && this.nowMs >= readyMs && !this.obeys(name, order),
      order,
      report: silent
        ? undefined
        : {
            clockMs: this.clockMs(name),
            ageMs,
            routes: new Map(
              this.routes.map((route) => [
                route,
                lost.has(route) ? { reached: false, error: this.error } : { reached: true },
              ]),
            ),
          },
    }));
  }

  obeys(name: string, order: PodView['order']): boolean {
    return order !== undefined && order.expiresMs > this.clockMs(name);
  }

  look(): readonly StepOutAction[] {
    const { memory, nowMs, wanted } = this;
    const { actions, memory: next, unsettled } = decideStepOut({ pods: this.views(), wanted, memory, nowMs });
    this.memory = next;
    this.unsettled = unsettled;
    for (const action of actions) {
      if (action.kind === 'LetBack') {
        delete this.pod(action.pod).order;
        this.pod(action.pod).readyMs = nowMs + 3000;
      } else this.pod(action.pod).order = action.order;
    }
    return actions;
  }

  /** Looks once a second for so long; what was done, as `StepOut b`. */
  pass(milliseconds: number): string[] {
    const done: string[] = [];
    for (let passed = 0; passed < milliseconds; passed += 1000) {
      this.nowMs += 1000;
      for (const { kind, pod } of this.look()) if (kind !== 'Renew') done.push(`${kind} ${pod}`);
    }
    return done;
  }

  out(): string[] {
    return [...this.pods].filter(([, { order }]) => order !== undefined).map(([name]) => name);
  }
}

describe('a pod steps out', () => {
  test('when it has lost a route for some seconds that its sibling reaches', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b', 'a/2');
    expect(scene.pass(LOST_AFTER_MS)).toEqual([]);
    expect(scene.unsettled).toBe(true);
    expect(scene.pass(1000)).toEqual(['StepOut b']);
    expect(scene.pod('b').order?.reason).toBe(
      'no server of ExchangeRoute a/2 is in reach here, while other pods reach one: refused',
    );
  });

  test('for a time by its own clock, renewed before it is over', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(LOST_AFTER_MS + 1000);
    for (let seconds = 0; seconds < 300; seconds++) {
      const left = (scene.pod('b').order?.expiresMs ?? 0) - scene.clockMs('b');
      expect(left).toBeGreaterThanOrEqual(RENEW_MS);
      expect(left).toBeLessThanOrEqual(HOLD_MS);
      expect(scene.pass(1000)).toEqual([]);
    }
  });

  test('not over a short trouble', () => {
    const scene = new Scene(['a', 'b']);
    for (let times = 0; times < 20; times++) {
      scene.cut('b');
      expect(scene.pass(LOST_AFTER_MS)).toEqual([]);
      scene.restore('b');
      expect(scene.pass(1000)).toEqual([]);
    }
  });

  test.each<[string, number, string[][], string[]]>([
    ['never when none reaches the route', 2, [['a/1'], ['a/1']], []],
    [
      'never when none reaches any route',
      3,
      [
        ['a/1', 'a/2'],
        ['a/1', 'a/2'],
        ['a/1', 'a/2'],
      ],
      [],
    ],
    ['never when each of two has lost another route', 2, [['a/1'], ['a/2']], []],
    ['when it has lost more than its sibling', 2, [['a/1'], ['a/1', 'a/2']], ['b']],
    ['never the only one', 1, [['a/1']], []],
    ['one of three, not two', 3, [[], ['a/1', 'a/2'], ['a/1', 'a/2']], ['b']],
    ['two of four, not three', 4, [['a/1'], ['a/1'], ['a/1'], []], ['a', 'b']],
    ['the one that has lost most', 3, [['a/1'], ['a/1', 'a/2'], []], ['b']],
    ['both where a third reaches what they have lost', 4, [['a/1'], ['a/2'], [], []], ['a', 'b']],
  ])('%s', (_name, number, losses, expected) => {
    const names = ['a', 'b', 'c', 'd'].slice(0, number);
    const scene = new Scene(names);
    losses.forEach((routes, index) => routes.length > 0 && scene.cut(names[index] ?? '', ...routes));
    scene.pass(60_000);
    expect(scene.out()).toEqual(expected);
  });

  test('not while pods that are not ready for other reasons make up the half', () => {
    const scene = new Scene(['a', 'b', 'c', 'd']);
    scene.cut('b');
    scene.pod('c').ready = false;
    scene.pod('d').ready = false;
    expect(scene.pass(60_000)).toEqual([]);
    scene.pod('d').ready = true;
    expect(scene.pass(1000)).toEqual(['StepOut b']);
  });

  test('not for a sibling that is not ready, cannot be asked, or has just started and does not know yet', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pod('a').ready = false;
    expect(scene.pass(60_000)).toEqual([]);
    Object.assign(scene.pod('a'), { ready: true, silent: true });
    expect(scene.pass(60_000)).toEqual([]);
    Object.assign(scene.pod('a'), { silent: false, ageMs: TRUSTED_AGE_MS - 1 });
    expect(scene.pass(60_000)).toEqual([]);
    scene.pod('a').ageMs = TRUSTED_AGE_MS;
    expect(scene.pass(1000)).toEqual(['StepOut b']);
  });

  test('never for a sibling that has lost something else, be that one ever so young', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('a', 'a/1');
    scene.cut('b', 'a/2');
    scene.pod('a').ageMs = 0;
    expect(scene.pass(60_000)).toEqual([]);
  });

  test('not over what was seen before it could not be asked for a while', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(3000);
    scene.pod('b').silent = true;
    scene.pass(10_000);
    scene.pod('b').silent = false;
    expect(scene.pass(LOST_AFTER_MS)).toEqual([]);
    expect(scene.pass(1000)).toEqual(['StepOut b']);
  });

  test('never because it cannot be asked', () => {
    const scene = new Scene(['a', 'b', 'c']);
    scene.pod('b').silent = true;
    expect(scene.pass(60_000)).toEqual([]);
    expect(scene.unsettled).toBe(false);
  });

  test('never over a route that it does not know yet', () => {
    const scene = new Scene(['a', 'b']);
    const views = scene.views().map((pod) => {
      if (pod.name === 'a' || pod.report === undefined) return pod;
      return { ...pod, report: { ...pod.report, routes: new Map([['a/1', { reached: true }]]) } };
    });
    let memory: StepOutMemory = new Map();
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1000) {
      const decision = decideStepOut({ pods: views, memory, nowMs });
      expect(decision.actions).toEqual([]);
      ({ memory } = decision);
    }
  });

  test('with a reason that fits, however many routes there are', () => {
    const routes = Array.from({ length: 900 }, (_, n) => `some-namespace/${'r'.repeat(40)}-${n}`);
    const scene = new Scene(['a', 'b'], routes);
    scene.cut('b');
    scene.pass(LOST_AFTER_MS + 1000);
    const reason = scene.pod('b').order?.reason ?? '';
    expect(reason).toMatch(/^no server of ExchangeRoutes some-namespace\/.* and 897 more is in reach here/);
    expect(reason.length).toBeLessThanOrEqual(500);
  });
});

test('the reason stays as it is while it is about the same routes', () => {
  const scene = new Scene(['a', 'b']);
  scene.cut('b', 'a/1');
  scene.error = 'refused';
  scene.pass(10_000);
  const reason = scene.pod('b').order?.reason;
  scene.error = 'timed out';
  scene.pass(30_000);
  expect(scene.pod('b').order?.reason).toBe(reason);
  scene.cut('b');
  scene.pass(30_000);
  expect(scene.pod('b').order?.reason).toMatch(/ExchangeRoutes a\/1, a\/2 .*timed out$/);
});

describe('a pod is let back', () => {
  test('when it has reached the route again for some seconds', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(30_000);
    scene.restore('b');
    expect(scene.pass(FOUND_AFTER_MS)).toEqual([]);
    expect(scene.pass(1000)).toEqual(['LetBack b']);
    expect(scene.pass(60_000)).toEqual([]);
    expect(scene.unsettled).toBe(false);
  });

  test('not while its path comes and goes', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(30_000);
    for (let times = 0; times < 20; times++) {
      scene.restore('b');
      expect(scene.pass(FOUND_AFTER_MS)).toEqual([]);
      scene.cut('b');
      expect(scene.pass(1000)).toEqual([]);
    }
  });

  test('when its siblings have lost the route too', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(30_000);
    scene.cut('a');
    expect(scene.pass(LOST_AFTER_MS)).toEqual([]);
    expect(scene.pass(1000)).toEqual(['LetBack b']);
    expect(scene.pass(60_000)).toEqual([]);
  });

  test('and stays, when all find the route again one after the other', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('a');
    scene.cut('b');
    scene.pass(60_000);
    scene.restore('a');
    expect(scene.pass(3000)).toEqual([]);
    scene.restore('b');
    expect(scene.pass(60_000)).toEqual([]);
  });

  test('when too many others are not ready, and only it', () => {
    const scene = new Scene(['a', 'b', 'c', 'd']);
    scene.cut('b');
    scene.cut('c');
    scene.pass(30_000);
    expect(scene.out()).toEqual(['b', 'c']);
    scene.pod('d').ready = false;
    expect(scene.pass(3000)).toEqual(['LetBack c']);
    expect(scene.out()).toEqual(['b']);
    expect(scene.pass(REST_MS)).toEqual([]);
  });

  test('when the last ready one is gone', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(30_000);
    scene.pods.delete('a');
    expect(scene.pass(1000)).toEqual(['LetBack b']);
  });

  test('when the last ready ones are gone, be it silent or not', () => {
    const scene = new Scene(['a', 'b', 'c', 'd']);
    scene.cut('a');
    scene.cut('b');
    scene.pass(30_000);
    expect(scene.out()).toEqual(['a', 'b']);
    scene.pod('b').silent = true;
    scene.pods.delete('c');
    scene.pods.delete('d');
    expect(scene.pass(1000)).toEqual(['LetBack a', 'LetBack b']);
  });

  test('not for a rollout, whose new pod is not missed before it is ready', () => {
    const scene = new Scene(['a', 'b']);
    scene.wanted = 2;
    scene.cut('b');
    scene.pass(30_000);
    scene.add('c', { ready: false, ageMs: 0 });
    expect(scene.pass(30_000)).toEqual([]);
    Object.assign(scene.pod('c'), { ready: true, ageMs: 1000 });
    expect(scene.pass(3000)).toEqual([]);
    scene.pods.delete('a');
    expect(scene.pass(3000)).toEqual([]);
    expect(scene.out()).toEqual(['b']);
  });

  test('by its order alone when it cannot be asked any more: nothing is renewed, and the annotation goes in the end', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(30_000);
    const { order } = scene.pod('b');
    scene.pod('b').silent = true;
    expect(scene.pass(20_000)).toEqual([]);
    expect(scene.pod('b').order).toBe(order);
    expect(scene.pass(60_000)).toEqual(['LetBack b']);
  });
});

describe('a new operator', () => {
  test('goes on with the orders that it finds, without a gap', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(30_000);
    scene.memory = new Map();
    scene.nowMs += RENEW_MS;
    expect(scene.look()).toEqual([expect.objectContaining({ kind: 'Renew', pod: 'b' })]);
  });

  test('goes on also where a pod answers only later', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(30_000);
    scene.memory = new Map();
    scene.pod('b').silent = true;
    expect(scene.pass(3000)).toEqual([]);
    scene.pod('b').silent = false;
    expect(scene.pass(60_000)).toEqual([]);
    expect(scene.out()).toEqual(['b']);
  });

  test('takes the place of whoever gave an order for longer than it would itself', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pod('b').order = { reason: 'by hand', expiresMs: scene.clockMs('b') + HOUR };
    expect(scene.look()).toEqual([
      {
        kind: 'Renew',
        pod: 'b',
        order: expect.objectContaining({ expiresMs: scene.clockMs('b') + HOLD_MS }),
      },
    ]);
  });

  test('takes away orders that have lost their reason', () => {
    const scene = new Scene(['a', 'b']);
    scene.cut('b');
    scene.pass(30_000);
    scene.memory = new Map();
    scene.restore('b');
    scene.nowMs += 600_000;
    expect(scene.look()).toEqual([{ kind: 'LetBack', pod: 'b' }]);
  });
});

/** What may happen to a pod in a second. */
const event = record({
  pod: constantFrom('a', 'b', 'c', 'd', 'e'),
  change: constantFrom(
    'cut',
    'cut 1',
    'cut 2',
    'restore',
    'unready',
    'ready',
    'silent',
    'speak',
    'gone',
    'new',
  ),
  seconds: constantFrom(0, 1, 3, 8, 15, 40),
});
const story = array(event, { minLength: 1, maxLength: 40 });

function happen(scene: Scene, name: string, change: string): void {
  const pod = scene.pods.get(name);
  if (change === 'new') scene.add(name, { ageMs: TRUSTED_AGE_MS });
  if (pod === undefined) return;
  if (change === 'gone') scene.pods.delete(name);
  if (change === 'cut') scene.cut(name);
  if (change === 'cut 1') scene.cut(name, 'a/1');
  if (change === 'cut 2') scene.cut(name, 'a/2');
  if (change === 'restore') scene.restore(name);
  if (change === 'ready' || change === 'unready') pod.ready = change === 'ready';
  if (change === 'silent' || change === 'speak') pod.silent = change === 'silent';
}

/** Plays the story and looks at the scene after every second. */
function play(
  events: readonly { pod: string; change: string; seconds: number }[],
  judge: (scene: Scene, actions: string[]) => void,
) {
  const scene = new Scene(['a', 'b', 'c']);
  for (const { pod, change, seconds } of events) {
    happen(scene, pod, change);
    for (let second = 0; second <= seconds; second++) judge(scene, scene.pass(1000));
  }
  return scene;
}

describe('whatever happens', () => {
  test('never more than half of the pods are out, and one that is ready stays', () => {
    assert(
      property(story, (events) => {
        play(events, (scene) => {
          const out = scene.out();
          expect(out.length).toBeLessThanOrEqual(scene.pods.size / 2);
          const staying = scene.views().filter(({ name, ready }) => ready && !out.includes(name));
          expect(out.length === 0 || staying.length > 0).toBe(true);
        });
      }),
      { numRuns: 300 },
    );
  });

  test('a pod that was let back stays for a while, and one goes only when it has lost a route that another reaches', () => {
    assert(
      property(story, (events) => {
        const letBack = new Map<string, number>();
        play(events, (scene, actions) => {
          for (const action of actions) {
            const [kind = '', name = ''] = action.split(' ');
            if (kind === 'LetBack') letBack.set(name, scene.nowMs);
            if (kind !== 'StepOut') continue;
            expect(scene.nowMs - (letBack.get(name) ?? -REST_MS)).toBeGreaterThanOrEqual(REST_MS);
            const { lost } = scene.pod(name);
            const others = [...scene.pods].filter(
              ([other, { order }]) => other !== name && order === undefined,
            );
            expect(others.some(([, other]) => [...lost].some((route) => !other.lost.has(route)))).toBe(true);
          }
          for (const name of letBack.keys()) if (!scene.pods.has(name)) letBack.delete(name);
        });
      }),
      { numRuns: 300 },
    );
  });

  test('the order in which pods are listed does not matter', () => {
    assert(
      property(story, (events) => {
        const scene = play(events, () => undefined);
        const { memory, nowMs } = scene;
        const pods = scene.views();
        const decision = decideStepOut({ pods, memory, nowMs });
        expect(decideStepOut({ pods: pods.toReversed(), memory, nowMs })).toEqual(decision);
        expect(decideStepOut({ pods, memory, nowMs })).toEqual(decision);
      }),
      { numRuns: 200 },
    );
  });

  test('once all reach everything, all are in', () => {
    assert(
      property(story, (events) => {
        const scene = play(events, () => undefined);
        for (const name of scene.pods.keys()) {
          scene.restore(name);
          Object.assign(scene.pod(name), { ready: true, silent: false });
        }
        scene.pass(FOUND_AFTER_MS + 2000);
        expect(scene.out()).toEqual([]);
        expect(scene.unsettled).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});
