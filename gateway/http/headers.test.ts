import { expect, test } from 'vitest';
import { HeaderList } from './headers.ts';

const list = () => HeaderList.of(['A', '1'], ['Set-Cookie', 'x'], ['a', '2'], ['set-cookie', 'y']);

test('lines are found by their name in any case, in order', () => {
  expect(list().get('a')).toBe('1');
  expect(list().getAll('set-cookie')).toEqual(['x', 'y']);
  expect(list().has('b')).toBe(false);
  expect(list().get('b')).toBeUndefined();
});

test('set replaces all lines of the name in the place of the first', () => {
  expect(list().set('SET-COOKIE', 'z').lines).toEqual(['A', '1', 'SET-COOKIE', 'z', 'a', '2']);
  expect(list().set('B', 'z').lines.slice(-2)).toEqual(['B', 'z']);
});

test('change replaces values in their places, and lets no other line in', () => {
  const changed = list();
  changed.change('set-cookie', (value) => `${value}!`);
  expect(changed.lines).toEqual(['A', '1', 'Set-Cookie', 'x!', 'a', '2', 'set-cookie', 'y!']);
  expect(() => changed.change('a', () => 'x\r\nB: y')).toThrow(TypeError);
});

test('remove and removeWhere keep the others in order', () => {
  const removed = list();
  expect(removed.remove('a')).toBe(2);
  expect(removed.lines).toEqual(['Set-Cookie', 'x', 'set-cookie', 'y']);
  const filtered = list();
  filtered.removeWhere((name, value) => name === 'set-cookie' && value === 'x');
  expect(filtered.lines).toEqual(['A', '1', 'a', '2', 'set-cookie', 'y']);
});

test('a clone is independent', () => {
  const original = list();
  original.clone().append('B', '1');
  expect(original.has('b')).toBe(false);
});

test('bytes above ASCII may begin and end a value', () => {
  expect(HeaderList.of(['X', '\xa0a\xff']).get('x')).toBe('\xa0a\xff');
});

test.each([
  ['X', 'a\r\nY: b'],
  ['X', 'a\nb'],
  ['X', '\0'],
  ['X', ' a'],
  ['X', 'a\t'],
  ['X', '\u20ac'],
  ['X:', 'a'],
  ['X Y', 'a'],
  ['', 'a'],
])('a line %j: %j cannot be made', (name, value) => {
  expect(() => HeaderList.of([name, value])).toThrow(TypeError);
  expect(() => new HeaderList().set(name, value)).toThrow(TypeError);
});
