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

describe('egressCIDRs', () => {
  const egressCIDRs = ['10.0.0.0/8', '2001:db8::/32'];

  test('are the only ranges in which servers named by a host name are called', () => {
    expect(egress('https://mbx1.example.com', { egressCIDRs }).slice(1)).toEqual([
      {
        ports: [{ protocol: 'TCP', port: 443 }],
        to: [{ ipBlock: { cidr: '10.0.0.0/8' } }, { ipBlock: { cidr: '2001:db8::/32' } }],
      },
    ]);
  });

  test('leave out what lies in them and is forbidden', () => {
    const clusterCIDRs = ['10.244.0.0/16', '192.168.0.0/16'];
    const given = { egressCIDRs: ['0.0.0.0/1', '10.0.0.0/8', '160.0.0.0/4'], clusterCIDRs };
    expect(egress('https://mbx1.example.com', given)[1]).toMatchObject({
      to: [
        { ipBlock: { cidr: '0.0.0.0/1', except: ['100.100.100.200/32', '10.244.0.0/16'] } },
        { ipBlock: { cidr: '10.0.0.0/8', except: ['10.244.0.0/16'] } },
        { ipBlock: { cidr: '160.0.0.0/4', except: ['169.254.0.0/16', '168.63.129.16/32'] } },
      ],
    });
  });

  test('may name a range of the cluster', () => {
    const clusterCIDRs = ['10.96.0.0/12'];
    for (const cidr of ['10.96.0.0/12', '10.97.0.0/16']) {
      const [, rule] = egress('https://mbx1.example.com', { egressCIDRs: [cidr], clusterCIDRs });
      expect(rule).toMatchObject({ to: [{ ipBlock: { cidr } }] });
    }
  });

  test('allow a server named by its address alone, and not outside of them', () => {
    expect(egress('https://10.0.0.1', { egressCIDRs })[1]).toMatchObject({
      to: [{ ipBlock: { cidr: '10.0.0.1/32' } }],
    });
    expect(egress('https://192.0.2.1', { egressCIDRs })).toHaveLength(1);
  });
});

interface Ranges {
  readonly egressCIDRs?: readonly string[];
  readonly clusterCIDRs?: readonly string[];
}

function egress(url: string, { egressCIDRs, clusterCIDRs = [] }: Ranges = {}): unknown[] {
  const gateway = {
    metadata: { name: 'mail', namespace: 'default' },
    spec: { networkPolicy: { ...(egressCIDRs && { egressCIDRs }) } },
  } as unknown as SentryGateway;
  const server = { name: 'mbx1', url, priority: 0 };
  const routes = [
    { servers: [server], authentication: { type: 'PassThrough' }, redirects: { policy: 'Rewrite' } },
  ];
  const snapshot = { routes } as unknown as Snapshot;
  const { spec } = networkPolicy({ gateway, snapshot, clusterCIDRs });
  return (spec as { egress: unknown[] }).egress;
}
