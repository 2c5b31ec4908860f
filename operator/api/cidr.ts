// Address ranges (CIDR): their grammar, which spelling is good, and which range lies in which.
import { isIPv4 } from 'node:net';
import { formats, text } from './formats.ts';
import type { Rule } from './rule.ts';

interface Range {
  readonly bits: 32 | 128;
  readonly first: bigint;
  readonly prefix: number;
}

/** A string that is a range: `10.0.0.0/8`, `2001:db8::/32`. Each list of them needs `cidrRules`. */
export const cidr = text(formats.cidr);

/** @param at of a list of ranges */
export function cidrRules(at: string): readonly Rule<string>[] {
  return [
    {
      at: `${at}[]`,
      cel: 'isCIDR(self) && cidr(self).masked() == cidr(self)',
      check: isFirstAddress,
      field: '',
      message:
        'write the first address of the range, such as 10.1.0.0/16 or 10.1.2.3/32, and IPv4 addresses as such',
    },
  ];
}

/** Whether every address of `inner` is one of `outer`. Both must be of the format. */
export function contains(outer: string, inner: string): boolean {
  const [a, b] = [parse(outer), parse(inner)];
  return a.bits === b.bits && a.prefix <= b.prefix && masked(b, a.prefix) === masked(a, a.prefix);
}

/** Whether the two are the same addresses in whatever spelling. */
export function isSameRange(a: string, b: string): boolean {
  return contains(a, b) && contains(b, a);
}

/** False too for IPv4 addresses in IPv6 form, which Kubernetes does not take. */
function isFirstAddress(text: string): boolean {
  const range = parse(text);
  const isMapped = range.bits === 128 && range.first >> 32n === 0xffffn;
  return !isMapped && masked(range, range.prefix) === range.first;
}

function masked({ bits, first }: Range, prefix: number): bigint {
  const shift = BigInt(bits - prefix);
  return (first >> shift) << shift;
}

function parse(text: string): Range {
  const [address = '', prefix = ''] = text.split('/');
  return isIPv4(address)
    ? { bits: 32, first: joined(address.split('.').map(Number), 8n), prefix: Number(prefix) }
    : { bits: 128, first: joined(groupsOf(address), 16n), prefix: Number(prefix) };
}

/** The eight groups of an IPv6 address without an IPv4 address in it. */
function groupsOf(address: string): number[] {
  const [before = [], after] = address
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))));
  if (after === undefined) return before;
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

function joined(parts: readonly number[], width: bigint): bigint {
  return parts.reduce((sum, part) => (sum << width) | BigInt(part), 0n);
}
