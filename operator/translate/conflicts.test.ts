import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MatchClaims } from './conflicts.ts';
import { type Match, matchFields, usedFields } from './match.ts';

const match = (parts: Partial<Match>): Match => ({ users: [], deviceTypes: [], domains: [], ...parts });

describe('claims of matches', () => {
  test('a value belongs to the route that claims it first', () => {
    const claims = new MatchClaims<string>();
    expect(claims.claim('older', match({ domains: ['a.com'] }))).toEqual({ granted: true, rivals: [] });
    const later = claims.claim('younger', match({ domains: ['a.com', 'b.com'] }));
    expect(later).toEqual({
      granted: true,
      rivals: [{ owner: 'older', overlap: match({ domains: ['a.com'] }) }],
    });
  });

  test('a route whose every value is taken gets nothing', () => {
    const claims = new MatchClaims<string>();
    claims.claim('first', match({ domains: ['a.com'] }));
    claims.claim('second', match({ domains: ['b.com'] }));
    const third = claims.claim('third', match({ domains: ['b.com', 'a.com'] }));
    expect(third.granted).toBe(false);
    expect(third.rivals.map((rival) => rival.owner).toSorted()).toEqual(['first', 'second']);
  });

  test('there is one default route', () => {
    const claims = new MatchClaims<string>();
    claims.claim('older', match({}));
    expect(claims.claim('younger', match({}))).toEqual({
      granted: false,
      rivals: [{ owner: 'older', overlap: match({}) }],
    });
  });

  test('matches of different specificity never collide', () => {
    const claims = new MatchClaims<string>();
    claims.claim('default', match({}));
    claims.claim('domain', match({ domains: ['a.com'] }));
    claims.claim('user', match({ users: ['x@a.com'] }));
    expect(claims.claim('both', match({ users: ['x@a.com'], domains: ['a.com'] })).rivals).toEqual([]);
  });

  test('matches of several fields collide only where every field shares a value', () => {
    const claims = new MatchClaims<string>();
    claims.claim('older', match({ users: ['x'], deviceTypes: ['iphone'] }));
    expect(claims.claim('b', match({ users: ['x'], deviceTypes: ['android'] })).rivals).toEqual([]);
    const later = claims.claim('c', match({ users: ['x', 'y'], deviceTypes: ['iphone'] }));
    expect(later.granted).toBe(true);
    expect(later.rivals).toEqual([
      { owner: 'older', overlap: match({ users: ['x'], deviceTypes: ['iphone'] }) },
    ]);
  });

  test('a route that was refused holds nothing', () => {
    const claims = new MatchClaims<string>();
    claims.claim('first', match({ domains: ['a.com'] }));
    claims.claim('refused', match({ domains: ['a.com'] }));
    const later = claims.claim('third', match({ domains: ['a.com'] }));
    expect(later.rivals.map((rival) => rival.owner)).toEqual(['first']);
  });

  test('a claim is granted exactly when one of its combinations is nobody else’s', () => {
    const values = fc.subarray(['a', 'b', 'c']);
    const matches = fc.array(fc.record({ users: values, deviceTypes: values, domains: values }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(matches, (all) => {
        const claims = new MatchClaims<number>();
        for (const [index, wanted] of all.entries()) {
          const { granted, rivals } = claims.claim(index, wanted);
          const earlier = all.slice(0, index);
          expect(granted).toBe(
            combinations(wanted).some((one) => !earlier.some((other) => covers(other, one))),
          );
          expect(rivals.length > 0).toBe(
            combinations(wanted).some((one) => earlier.some((other) => covers(other, one))),
          );
        }
      }),
    );
  });
});

function combinations(wanted: Match): Match[] {
  let all = [match({})];
  for (const field of usedFields(wanted)) {
    all = all.flatMap((one) => wanted[field].map((value) => ({ ...one, [field]: [value] })));
  }
  return all;
}

function covers(other: Match, one: Match): boolean {
  return matchFields.every((field) =>
    one[field].length === 0 ? other[field].length === 0 : other[field].includes(one[field][0] ?? ''),
  );
}
