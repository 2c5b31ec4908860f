import { expect, test } from 'vitest';
import type { Snapshot } from '../config/snapshot.ts';
import { trustedProxiesOf } from './trusted-proxies.ts';

const rule = (trustedProxies?: string[]) =>
  trustedProxiesOf((trustedProxies === undefined ? {} : { proxyProtocol: { trustedProxies } }) as Snapshot);

test('without proxyProtocol there is no rule, and with an empty list everyone may speak', () => {
  expect(rule()).toBeUndefined();
  expect(rule([])?.('192.0.2.1')).toBe(true);
});

test.each([
  ['10.1.2.3', true],
  ['11.0.0.1', false],
  ['192.0.2.1', true],
  ['192.0.2.2', false],
  ['2001:db8:1::7', true],
  ['2001:db9::1', false],
  ['fe80::1%eth0', true],
  ['', false],
])('of 10.0.0.0/8, 192.0.2.1/32, 2001:db8::/32 and fe80::/10, %j is trusted: %j', (address, trusted) => {
  expect(rule(['10.0.0.0/8', '192.0.2.1/32', '2001:db8::/32', 'fe80::/10'])?.(address)).toBe(trusted);
});
