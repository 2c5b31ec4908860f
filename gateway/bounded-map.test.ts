import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedMap } from './bounded-map.ts';

const LIMIT = 4;

type Numbers = Pick<
  BoundedMap<number, number>,
  'get' | 'peek' | 'set' | 'delete' | 'removeOldestWhile' | 'size'
>;

/** The same by an array, the oldest first. */
class Model implements Numbers {
  private entries: (readonly [key: number, value: number])[] = [];

  get size(): number {
    return this.entries.length;
  }

  peek(key: number): number | undefined {
    return this.entries.find(([each]) => each === key)?.[1];
  }

  delete(key: number): void {
    this.take(key);
  }

  private take(key: number): number | undefined {
    const found = this.entries.find(([each]) => each === key);
    this.entries = this.entries.filter((entry) => entry !== found);
    return found?.[1];
  }

  get(key: number): number | undefined {
    const value = this.take(key);
    if (value !== undefined) this.entries.push([key, value]);
    return value;
  }

  set(key: number, value: number): number | undefined {
    this.take(key);
    const evicted = this.entries.length >= LIMIT ? this.entries.shift() : undefined;
    this.entries.push([key, value]);
    return evicted?.[1];
  }

  removeOldestWhile(isOver: (value: number) => boolean): number[] {
    const kept = this.entries.findIndex(([, value]) => !isOver(value));
    return this.entries.splice(0, kept < 0 ? this.entries.length : kept).map(([, value]) => value);
  }
}

type Operation = (map: Numbers) => unknown;

const key = fc.nat(6);
const value = fc.nat(9);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  key.map(
    (each): Operation =>
      (map) =>
        map.get(each),
  ),
  key.map(
    (each): Operation =>
      (map) =>
        map.peek(each),
  ),
  key.map(
    (each): Operation =>
      (map) =>
        map.delete(each),
  ),
  fc.tuple(key, value).map(
    ([each, one]): Operation =>
      (map) =>
        map.set(each, one),
  ),
  value.map(
    (limit): Operation =>
      (map) =>
        map.removeOldestWhile((one) => one < limit),
  ),
);
const all: Operation = (map) => map.removeOldestWhile(() => true);

test('a bounded map forgets what was used least recently, whatever is done to it', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const map = new BoundedMap<number, number>(LIMIT);
      const model = new Model();
      for (const each of [...operations, all]) {
        expect([each(map), map.size]).toEqual([each(model), model.size]);
      }
    }),
  );
});
