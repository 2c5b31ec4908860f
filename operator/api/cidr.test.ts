import { describe, expect, test } from 'vitest';
import { cidrRules, contains, isSameRange } from './cidr.ts';
import { formats, isOfFormat } from './formats.ts';

const [rule] = cidrRules('spec.trustedProxies');

describe('a range', () => {
  test.each([
    '0.0.0.0/0',
    '10.0.0.0/8',
    '10.1.2.3/32',
    '::/0',
    'fe80::/10',
    '2001:db8::1/128',
    '1:2:3:4:5:6:7:8/128',
  ])('may be %s', (text) => {
    expect(isOfFormat(formats.cidr, text)).toBe(true);
    expect(rule?.check(text)).toBe(true);
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/08',
    '::/129',
    'fe80::1%eth0/64',
    '::ffff:10.0.0.1/128',
    ' ::/0',
    'any',
  ])('is not %s', (text) => {
    expect(isOfFormat(formats.cidr, text)).toBe(false);
  });

  test.each(['10.0.0.1/8', '10.1.2.3/31', 'fe80::1/64', '2001:db8:8000::/32', '::ffff:a00:1/128'])(
    'is not written as %s',
    (text) => {
      expect(isOfFormat(formats.cidr, text)).toBe(true);
      expect(rule?.check(text)).toBe(false);
    },
  );
});

test.each([
  ['0.0.0.0/0', '10.0.0.0/8'],
  ['10.0.0.0/8', '10.255.0.0/16'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['::/0', '2001:db8::/32'],
  ['fe80::/10', 'febf:ffff::/32'],
])('%s contains %s', (outer, inner) => {
  expect(contains(outer, inner)).toBe(true);
});

test.each([
  ['10.0.0.0/8', '11.0.0.0/8'],
  ['10.0.0.0/8', '0.0.0.0/0'],
  ['fe80::/10', 'fec0::/10'],
  ['::/0', '10.0.0.0/8'],
  ['0.0.0.0/0', '::/0'],
])('%s does not contain %s', (outer, inner) => {
  expect(contains(outer, inner)).toBe(false);
});

test('one range has several spellings', () => {
  expect(isSameRange('2001:DB8:0::/48', '2001:db8::/48')).toBe(true);
  expect(isSameRange('10.0.0.0/8', '10.0.0.0/9')).toBe(false);
});
