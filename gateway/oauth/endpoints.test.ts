// What the OAuth endpoints answer where a route is not configured completely.
import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../config/snapshot.ts';
import { HeaderList } from '../http/headers.ts';
import { compileOAuth } from './endpoints.ts';

function snapshotWith(servers: Snapshot['routes'][number]['servers']): Snapshot {
  return {
    version: 2,
    gateway: { namespace: 'default', name: 'mail' },
    listeners: [
      {
        name: 'phones',
        hostnames: ['sentry.example.com'],
        certificates: [{ certificateFile: 'c.pem', keyFile: 'k.pem' }],
        minVersion: 'TLSv1.2',
      },
    ],
    routes: [
      {
        namespace: 'default',
        name: 'example-com',
        listeners: ['phones'],
        match: { users: [], deviceTypes: [], domains: [] },
        servers,
        serverTLS: {},
        authentication: {
          type: 'OAuth',
          oauth: {
            authorizationEndpoint: 'https://login.example.com/authorize',
            tokenEndpoint: 'https://login.example.com/token',
            gatewayResource: 'https://sentry.example.com',
            destinationResource: 'https://outlook.office365.com/',
            allowPasswordGrant: false,
            otherResources: 'Refuse',
          },
        },
        redirects: { policy: 'Rewrite' },
        limits: { maxRequestBytes: 30_000_000 },
        timeouts: {
          connectSeconds: 5,
          firstByteSeconds: 120,
          idleSeconds: 60,
          pollSeconds: 3600,
          keepAliveSeconds: 120,
        },
      },
    ],
    ticketKeyFile: 'ticket.key',
    drain: { seconds: 60, propagationSeconds: 5 },
    logging: { access: 'Errors', samplePercent: 1, identifiers: 'Hashed' },
  };
}

const options = { clock: { now: () => 0 } };

describe('the endpoints of a route', () => {
  const request = {
    method: 'GET',
    target: '/proxyservice/oauth2/authorize?resource=https%3A%2F%2Fsentry.example.com',
    host: 'sentry.example.com',
    headers: new HeaderList(),
    body: Buffer.alloc(0),
  };

  test('redirect to the identity provider where the route has servers', async () => {
    const endpoints = compileOAuth(
      snapshotWith([{ name: 'mbx1', url: 'https://mbx1.example.com', priority: 0 }]),
      new Map(),
      options,
    );
    const answer = await endpoints.answer('phones', request, new AbortController().signal);
    expect(answer.status).toBe(302);
    await endpoints.close();
  });

  test.each(['authorize', 'token'])(
    '%s is 503 with Retry-After where a reference of the route does not resolve: its CA may be what is missing',
    async (kind) => {
      const endpoints = compileOAuth(snapshotWith([]), new Map(), options);
      const answer = await endpoints.answer(
        'phones',
        { ...request, target: `/proxyservice/default/example-com/oauth2/${kind}` },
        new AbortController().signal,
      );
      expect(answer.status).toBe(503);
      expect(answer.headers.getAll('retry-after')).toEqual(['30']);
      expect(answer.body.toString()).toContain('temporarily_unavailable');
      await endpoints.close();
    },
  );
});
