import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../gateway/config/snapshot.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { networkPolicy } from './network-policy.ts';

describe('the egress of a network policy', () => {
  test.each([
    'https://169.254.169.254',
    'https://2852039166',
    'https://0xa9fea9fe',
    'https://0251.0376.0251.0376',
    'https://169.254.43518',
    'https://[::ffff:169.254.169.254]',
    'https://[fe80::1]',
    'https://[febf::1]',
    'https://[fd00:ec2::254]',
    'https://168.63.129.16',
    'https://100.100.100.200',
  ])('has no rule for %s', (url) => {
    expect(egress(url)).toHaveLength(1);
  });

  test.each([
    ['https://10.0.0.1', '10.0.0.1/32', 443],
    ['https://10.0.0.1:444', '10.0.0.1/32', 444],
    ['https://168.63.129.17', '168.63.129.17/32', 443],
    ['https://[2001:DB8:0::1]:8443', '2001:db8::1/128', 8443],
    ['https://[fec0::1]', 'fec0::1/128', 443],
  ])('lets %s through alone', (url, cidr, port) => {
    expect(egress(url).slice(1)).toEqual([
      { ports: [{ protocol: 'TCP', port }], to: [{ ipBlock: { cidr } }] },
    ]);
  });
});

function egress(url: string): unknown[] {
  const gateway = { metadata: { name: 'mail', namespace: 'default' } } as SentryGateway;
  const server = { name: 'mbx1', url, priority: 0 };
  const routes = [{ servers: [server], authentication: { type: 'PassThrough' } }];
  const snapshot = { routes } as unknown as Snapshot;
  const { spec } = networkPolicy({ gateway, snapshot, clusterCIDRs: [] });
  return (spec as { egress: unknown[] }).egress;
}
