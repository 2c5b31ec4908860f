import type { LookupAddress } from 'node:dns';
import { describe, expect, test } from 'vitest';
import { NameError, type Addresses, type NameSource } from './names/addresses.ts';
import { Resolver, type ResolverOptions } from './resolver.ts';

const A = { address: '192.0.2.1', family: 4 };
const B = { address: '192.0.2.2', family: 4 };
const SIX = { address: '2001:db8::1', family: 6 };

/** A source whose answers the test gives, one by one. */
class Source implements NameSource {
  readonly asked: string[] = [];
  private readonly pending = new Map<string, PromiseWithResolvers<Addresses>>();

  resolve(name: string): Promise<Addresses> {
    this.asked.push(name);
    const pending = Promise.withResolvers<Addresses>();
    this.pending.set(name, pending);
    return pending.promise;
  }

  async find(name: string, ...addresses: readonly LookupAddress[]): Promise<void> {
    this.pending.get(name)?.resolve({ addresses, ttlMs: 10_000 });
    await new Promise(setImmediate);
  }

  async fail(name: string, code: NameError['code'] = 'ENOTFOUND'): Promise<void> {
    this.pending.get(name)?.reject(new NameError(code, name));
    await new Promise(setImmediate);
  }
}

class Bench {
  now = 1_000_000;
  readonly source = new Source();
  readonly resolver: Resolver;

  constructor(options: Partial<ResolverOptions> = {}) {
    this.resolver = new Resolver({ clock: { now: () => this.now }, source: this.source, ...options });
  }

  /** The addresses of a name, or the code of the error. */
  look(name: string): Promise<readonly string[] | string> {
    return new Promise((resolve) =>
      this.resolver.lookup(name, { all: true }, (error, found) => {
        if (error !== null) resolve(String(error.code));
        else resolve((found as LookupAddress[]).map(({ address }) => address));
      }),
    );
  }
}

describe('a name', () => {
  test('is looked up once for all that ask at the same time, whatever its case', async () => {
    const bench = new Bench();
    const answers = Promise.all([bench.look('mbx1'), bench.look('MBX1')]);
    await bench.source.find('mbx1', A);
    expect(await answers).toEqual([['192.0.2.1'], ['192.0.2.1']]);
    expect(bench.source.asked).toEqual(['mbx1']);
  });

  test('is not looked up again before its time to live is over', async () => {
    const bench = new Bench();
    const first = bench.look('mbx1');
    await bench.source.find('mbx1', A);
    await first;
    bench.now += 9_999;
    expect(await bench.look('mbx1')).toEqual(['192.0.2.1']);
    expect(bench.source.asked).toHaveLength(1);
  });

  test('keeps its addresses while it is looked up again', async () => {
    const bench = new Bench();
    const first = bench.look('mbx1');
    await bench.source.find('mbx1', A);
    await first;
    bench.now += 10_000;
    expect(await bench.look('mbx1')).toEqual(['192.0.2.1']);
    expect(bench.source.asked).toHaveLength(2);
    await bench.source.find('mbx1', B);
    expect(await bench.look('mbx1')).toEqual(['192.0.2.2']);
  });

  test('keeps its addresses for hours while the name servers fail', async () => {
    const bench = new Bench();
    const first = bench.look('mbx1');
    await bench.source.find('mbx1', A);
    await first;
    for (let hour = 0; hour < 12; hour++) {
      bench.now += 3_600_000;
      expect(await bench.look('mbx1')).toEqual(['192.0.2.1']);
      await bench.source.fail('mbx1', 'EAI_AGAIN');
    }
    expect(bench.source.asked).toHaveLength(13);
  });

  test('keeps its addresses for a minute after the name servers said that it is gone', async () => {
    const bench = new Bench();
    const first = bench.look('mbx1');
    await bench.source.find('mbx1', A);
    await first;
    bench.now += 100_000;
    await bench.look('mbx1');
    await bench.source.fail('mbx1', 'ENOTFOUND');
    bench.now += 59_000;
    expect(await bench.look('mbx1')).toEqual(['192.0.2.1']);
    await bench.source.fail('mbx1', 'ENOTFOUND');
    bench.now += 1_000;
    expect(await bench.look('mbx1')).toBe('ENOTFOUND');
  });

  test('that failed is refused at once, and looked up again after ever longer pauses', async () => {
    const bench = new Bench();
    const first = bench.look('nowhere');
    await bench.source.fail('nowhere');
    expect(await first).toBe('ENOTFOUND');
    expect(await bench.look('nowhere')).toBe('ENOTFOUND');
    expect(bench.source.asked).toHaveLength(1);
    for (const [calm, due] of [
      [700, 1_000],
      [1_400, 2_000],
      [2_900, 4_000],
    ] as const) {
      bench.now += calm;
      const asked = bench.source.asked.length;
      expect(await bench.look('nowhere')).toBe('ENOTFOUND');
      expect(bench.source.asked).toHaveLength(asked);
      bench.now += due - calm;
      const again = bench.look('nowhere');
      expect(bench.source.asked).toHaveLength(asked + 1);
      await bench.source.fail('nowhere');
      await again;
    }
  });

  test('gives its addresses in turn, IPv4 first, and those that cannot be reached last', async () => {
    const bench = new Bench();
    const first = bench.look('mbx1');
    await bench.source.find('mbx1', A, B, SIX);
    expect(await first).toEqual([A.address, B.address, SIX.address]);
    expect(await bench.look('mbx1')).toEqual([B.address, A.address, SIX.address]);
    bench.resolver.unreachable('mbx1', A.address);
    for (let i = 0; i < 2; i++) {
      expect(await bench.look('mbx1')).toEqual([B.address, SIX.address, A.address]);
    }
    bench.now += 30_000;
    expect(await bench.look('mbx1')).toEqual([A.address, B.address, SIX.address]);
  });

  test('with an address that cannot be reached is looked up again before its time to live is over', async () => {
    const bench = new Bench();
    const first = bench.look('mbx1');
    await bench.source.find('mbx1', A);
    await first;
    bench.now += 1_000;
    bench.resolver.unreachable('mbx1', A.address);
    await bench.look('mbx1');
    expect(bench.source.asked).toHaveLength(2);
  });
});

describe('many names', () => {
  test('are looked up a few at a time; those that failed before leave room for the others', async () => {
    const bench = new Bench({ maxLookups: 4 });
    const bad = Array.from({ length: 10 }, (_, i) => `bad${i}`);
    const first = Promise.all(bad.map((name) => bench.look(name)));
    expect(bench.source.asked).toEqual(bad.slice(0, 4));
    for (const name of bad) await bench.source.fail(name, 'EAI_AGAIN');
    expect(await first).toEqual(bad.map(() => 'EAI_AGAIN'));

    bench.now += 1_000;
    bench.source.asked.length = 0;
    const again = Promise.all(bad.map((name) => bench.look(name)));
    expect(bench.source.asked).toHaveLength(3);
    const good = bench.look('good');
    expect(bench.source.asked).toContain('good');
    await bench.source.find('good', A);
    expect(await good).toEqual(['192.0.2.1']);
    for (const name of bad) await bench.source.fail(name, 'EAI_AGAIN');
    await again;
  });

  test('are remembered up to a number: the one used longest ago is forgotten', async () => {
    const bench = new Bench({ maxNames: 2 });
    for (const name of ['a', 'b', 'a', 'c']) {
      const found = bench.look(name);
      await bench.source.find(name, A);
      await found;
    }
    bench.source.asked.length = 0;
    await bench.look('a');
    await bench.look('c');
    expect(bench.source.asked).toEqual([]);
    void bench.look('b');
    expect(bench.source.asked).toEqual(['b']);
  });
});
