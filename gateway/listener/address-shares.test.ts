import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { AddressShares, shareOf } from './address-shares.ts';

test('whoever comes in whatever order, an address without a place gets one while one is free', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(5), fc.boolean()), { maxLength: 300 }), (events) => {
      const shares = new AddressShares(16);
      const held = new Map<string, number>();
      for (const [who, enters] of events) {
        const address = `192.0.2.${who}`;
        const before = held.get(address) ?? 0;
        if (enters && shares.allows(address)) {
          shares.enter(address);
          held.set(address, before + 1);
        } else if (!enters && before > 0) {
          shares.leave(address);
          held.set(address, before - 1);
        }
        expect(shares.size).toBe([...held.values()].reduce((sum, count) => sum + count, 0));
        expect(shares.allows('198.51.100.1')).toBe(true);
      }
    }),
  );
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::6', '2001:db8:0:0'],
  ['2001:db8::', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['', ''],
])('%j counts as %j', (address, share) => {
  expect(shareOf(address)).toBe(share);
});
