// Who may speak the PROXY protocol: whoever may, can say of any address that it is the phone's.
import { BlockList, isIPv6 } from 'node:net';
import type { Snapshot } from '../config/snapshot.ts';

/** Whether a connection may be taken from this address; the protocol is spoken only where there is such a rule. */
export type TrustsPeer = (address: string) => boolean;

/** Undefined where the PROXY protocol is not spoken; without ranges everyone is trusted. */
export function trustedProxiesOf({ proxyProtocol }: Snapshot): TrustsPeer | undefined {
  if (proxyProtocol === undefined) return undefined;
  const { trustedProxies } = proxyProtocol;
  if (trustedProxies.length === 0) return () => true;
  const ranges = new BlockList();
  for (const range of trustedProxies) {
    const [address = '', prefix] = range.split('/');
    ranges.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return (address) => ranges.check(withoutZone(address), isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** `fe80::1%eth0` is an address of the network behind that interface. */
function withoutZone(address: string): string {
  return address.split('%', 1)[0] ?? '';
}
