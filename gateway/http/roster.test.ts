import { array, assert, boolean, nat, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { Roster, type Seat } from './roster.ts';

test('has the members that a Set would have, whatever comes and goes', () => {
  const step = record({ add: boolean(), which: nat(40) });
  assert(
    property(array(step, { maxLength: 200 }), (steps) => {
      const roster = new Roster<number>();
      const seats: Seat<number>[] = [];
      const expected = new Set<number>();
      steps.forEach(({ add, which }, member) => {
        const seat = seats[which];
        if (add) {
          seats.push(roster.add(member));
          expected.add(member);
        } else if (seat !== undefined) {
          roster.remove(seat);
          expected.delete(seat.member);
        }
      });
      expect([...roster].toSorted((a, b) => a - b)).toEqual([...expected]);
      expect(roster.size).toBe(expected.size);
    }),
  );
});

test('visits everyone who stays, and nobody who left, while members come and go', () => {
  const roster = new Roster<number>();
  const seats = Array.from({ length: 10 }, (_, member) => roster.add(member));
  const visited: number[] = [];
  for (const member of roster) {
    visited.push(member);
    if (member === 8) for (const leaving of [8, 3, 9]) roster.remove(seats[leaving] as Seat<number>);
    if (member === 5) roster.add(100);
  }
  expect(new Set(visited)).toEqual(new Set([9, 8, 7, 6, 5, 4, 2, 1, 0]));
});
