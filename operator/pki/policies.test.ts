import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyPair } from '../translate/types.ts';
import { issueAuthority, issueLeaf } from './issue.ts';
import {
  authorityPolicies,
  firstReissue,
  type LeafInput,
  leafPolicies,
  type ReissueReason,
  successorPolicies,
} from './policies.ts';

const DAY_MS = 24 * 3_600_000;
const made = new Date('2026-01-01T00:00:00Z');
const after = (days: number) => new Date(made.getTime() + days * DAY_MS);
const owner = { namespace: 'default', name: 'mail' };
const hostnames = ['a.example.com', 'b.example.com'];

let authority: KeyPair;
let other: KeyPair;
let leaf: KeyPair;

beforeAll(async () => {
  authority = await issueAuthority(owner, { now: made, lifetimeMs: 3650 * DAY_MS });
  other = await issueAuthority(owner, { now: made, lifetimeMs: 3650 * DAY_MS });
  leaf = await issueLeaf(authority, { usage: 'Server', hostnames }, { now: made, lifetimeMs: 90 * DAY_MS });
});

describe('a leaf certificate', () => {
  const table: Record<string, [(good: LeafInput) => Partial<LeafInput>, ReissueReason | undefined]> = {
    'should stay while nothing changed': [() => ({}), undefined],
    'should stay when the host names are only in another order': [
      () => ({ hostnames: hostnames.toReversed() }),
      undefined,
    ],
    'should stay when a host name is given twice': [
      () => ({ hostnames: [...hostnames, 'a.example.com'] }),
      undefined,
    ],
    'should stay one day before two thirds of its life': [() => ({ now: after(59) }), undefined],
    'should be issued when there is none': [() => ({ pair: undefined }), 'Missing'],
    'should be issued when its key is gone': [
      ({ pair }) => ({ pair: { certificate: pair?.certificate ?? '' } }),
      'Missing',
    ],
    'should be issued when the certificate is no PEM': [
      ({ pair }) => ({ pair: { ...pair, certificate: 'rubbish' } }),
      'Unreadable',
    ],
    'should be issued when the key is that of another certificate': [
      ({ pair }) => ({ pair: { ...pair, key: other.key } }),
      'KeyMismatch',
    ],
    'should be issued when another authority signs now': [
      () => ({ authority: other.certificate }),
      'AuthorityChanged',
    ],
    'should be issued when a host name was added': [
      () => ({ hostnames: [...hostnames, 'c.example.com'] }),
      'NamesChanged',
    ],
    'should be issued when a host name was removed': [
      () => ({ hostnames: ['a.example.com'] }),
      'NamesChanged',
    ],
    'should be issued when two thirds of its life have passed': [() => ({ now: after(60) }), 'RenewalDue'],
    'should be issued when it expired': [() => ({ now: after(91) }), 'Expired'],
    'should stay when the clock was reset to long ago': [
      () => ({ now: new Date('1970-01-02T00:00:00Z') }),
      undefined,
    ],
  };
  it.each(Object.entries(table))('%s', (_, [change, reason]) => {
    const good: LeafInput = { pair: leaf, authority: authority.certificate, hostnames, now: after(1) };
    expect(firstReissue(leafPolicies, { ...good, ...change(good) })?.reason).toBe(reason);
  });

  it('should be issued when it was made by a clock that ran ahead', async () => {
    const future = await issueLeaf(
      authority,
      { usage: 'Server', hostnames },
      { now: after(30), lifetimeMs: 90 * DAY_MS },
    );
    const input = { pair: future, authority: authority.certificate, hostnames, now: after(1) };
    expect(firstReissue(leafPolicies, input)?.reason).toBe('NotYetValid');
  });
});

function reason(pair: Partial<KeyPair> | undefined, now: Date) {
  return firstReissue(authorityPolicies, { pair, now })?.reason;
}

describe('an authority', () => {
  it('should be replaced at once only when it cannot sign', () => {
    expect(reason(authority, after(1))).toBeUndefined();
    expect(reason(authority, after(3000))).toBeUndefined();
    expect(reason(authority, new Date('1970-01-02T00:00:00Z'))).toBeUndefined();
    expect(reason(undefined, after(1))).toBe('Missing');
    expect(reason({ ...authority, key: other.key }, after(1))).toBe('KeyMismatch');
    expect(reason(authority, after(3651))).toBe('Expired');
  });

  it('should get a successor when two thirds of its life have passed', () => {
    expect(firstReissue(successorPolicies, { pair: authority, now: after(2400) })).toBeUndefined();
    expect(firstReissue(successorPolicies, { pair: authority, now: after(2434) })?.reason).toBe('RenewalDue');
  });
});

it('says in words which host names changed', () => {
  const input = {
    pair: leaf,
    authority: authority.certificate,
    hostnames: ['new.example.com'],
    now: after(1),
  };
  expect(firstReissue(leafPolicies, input)?.message).toBe(
    'the host names changed from a.example.com, b.example.com to new.example.com',
  );
});
