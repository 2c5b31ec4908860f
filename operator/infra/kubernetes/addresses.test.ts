import { describe, expect, test } from 'vitest';
import { addressesOf, type ServiceObject } from './addresses.ts';

interface Changes {
  readonly finalizers?: readonly string[];
  readonly spec?: ServiceObject['spec'];
  readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
}

const service = ({ finalizers, spec, ingress }: Changes = {}): ServiceObject => ({
  metadata: { name: 'mail', ...(finalizers && { finalizers }) },
  spec: { type: 'LoadBalancer', clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd00::7'], ...spec },
  status: { loadBalancer: { ...(ingress && { ingress }) } },
});

describe('the addresses of a gateway', () => {
  test('are those of its load balancer', () => {
    const ingress = [{ ip: '192.0.2.1' }, { hostname: 'lb.example.com' }];
    expect(addressesOf(service({ ingress })).values).toEqual(['192.0.2.1', 'lb.example.com']);
  });

  test('are else those in the cluster, of both families', () => {
    expect(addressesOf(service()).values).toEqual(['10.96.0.7', 'fd00::7']);
  });
});

describe('an address is awaited', () => {
  test('where a class names the load balancer', () => {
    expect(addressesOf(service({ spec: { loadBalancerClass: 'example.com/a' } })).awaited).toBe(true);
  });

  test('where a controller has set its finalizer', () => {
    const finalizers = ['service.kubernetes.io/load-balancer-cleanup'];
    expect(addressesOf(service({ finalizers })).awaited).toBe(true);
    expect(addressesOf(service({ finalizers, ingress: [{ ip: '192.0.2.1' }] })).awaited).toBe(false);
  });

  test('not where nobody makes load balancers', () => {
    expect(addressesOf(service()).awaited).toBe(false);
  });

  test('not by a Service of another type', () => {
    expect(addressesOf(service({ finalizers: ['a'], spec: { type: 'NodePort' } })).awaited).toBe(false);
  });
});
