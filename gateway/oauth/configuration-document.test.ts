// The identity provider's configuration as phones get it, and how long it is kept.
import { describe, expect, test } from 'vitest';
import { HeaderList } from '../http/headers.ts';
import { ConfigurationDocuments, throughGateway } from './configuration-document.ts';
import { IdentityProviderError, type IdentityProviderClient } from './identity-provider-client.ts';
import { compileProvider } from './provider-endpoints.ts';

const ENTRA = {
  issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
  authorization_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
  token_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
  device_authorization_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/devicecode',
  jwks_uri: 'https://login.microsoftonline.com/common/discovery/v2.0/keys',
  end_session_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/logout',
  cloud_instance_name: 'microsoftonline.com',
};
const url = 'https://sentry.example.com:8443/proxyservice/mail/online/common';

describe('the document for phones', () => {
  test('names the endpoints of the gateway; issuer and keys stay those that tokens are checked by', () => {
    expect(throughGateway(ENTRA, { url, version: '/v2.0', hasDeviceCode: true })).toEqual({
      ...ENTRA,
      authorization_endpoint: `${url}/oauth2/v2.0/authorize`,
      token_endpoint: `${url}/oauth2/v2.0/token`,
      device_authorization_endpoint: `${url}/oauth2/v2.0/devicecode`,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
    });
  });

  test('leaves nothing that would lead past the gateway', () => {
    const document = throughGateway(
      {
        ...ENTRA,
        pushed_authorization_request_endpoint: 'https://idp.example.com/par',
        mtls_endpoint_aliases: { token_endpoint: 'https://mtls.idp.example.com/token' },
        signed_metadata: 'ey.J.x',
        request_parameter_supported: true,
      },
      { url, version: '', hasDeviceCode: false },
    );
    expect(Object.keys(document).filter((name) => !(name in ENTRA))).toEqual([
      'request_parameter_supported',
      'request_uri_parameter_supported',
    ]);
    expect(document).toMatchObject({
      token_endpoint: `${url}/oauth2/token`,
      request_parameter_supported: false,
    });
    expect(document).not.toHaveProperty('device_authorization_endpoint');
  });
});

describe('documents', () => {
  const { configuration } = compileProvider({
    authorizationEndpoint: 'https://login.example.com/common/oauth2/authorize',
    tokenEndpoint: 'https://login.example.com/common/oauth2/token',
    gatewayResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
    allowPasswordGrant: false,
    otherResources: 'Refuse',
  });

  /** An identity provider whose nth answer this is; undefined: it cannot be reached. */
  function documents(answers: (string | undefined)[]) {
    const asked: string[] = [];
    const clock = { at: 0, now: () => clock.at };
    const client: Pick<IdentityProviderClient, 'send'> = {
      send: ({ endpoint, tenant }) => {
        asked.push(endpoint.path(tenant));
        const text = answers[asked.length - 1] ?? answers.at(-1);
        if (text === undefined) return Promise.reject(new IdentityProviderError('ECONNREFUSED'));
        return Promise.resolve({ status: 200, headers: new HeaderList(), body: Buffer.from(text) });
      },
    };
    if (configuration === undefined) throw new Error('no endpoint');
    return {
      asked,
      clock,
      documents: new ConfigurationDocuments(client as IdentityProviderClient, configuration, clock),
    };
  }

  test('are asked for once an hour, and once by phones that ask together', async () => {
    const { documents: kept, asked, clock } = documents(['{"issuer":"a"}', '{"issuer":"b"}']);
    expect(await Promise.all([kept.get(''), kept.get('common')])).toEqual([{ issuer: 'a' }, { issuer: 'a' }]);
    clock.at = 3_599_999;
    expect(await kept.get('')).toEqual({ issuer: 'a' });
    clock.at = 3_600_000;
    expect(await kept.get('')).toEqual({ issuer: 'b' });
    expect(asked).toHaveLength(2);
  });

  test('serve on while no newer one can be had', async () => {
    const { documents: kept, asked, clock } = documents(['{"issuer":"a"}', undefined]);
    await kept.get('');
    clock.at = 4_000_000;
    expect(await kept.get('')).toEqual({ issuer: 'a' });
    expect(await kept.get('')).toEqual({ issuer: 'a' });
    expect(asked).toHaveLength(2);
    clock.at += 60_000;
    expect(await kept.get('')).toEqual({ issuer: 'a' });
    expect(asked).toHaveLength(3);
  });

  test('are kept for a bounded number of tenants', async () => {
    const { documents: kept, asked } = documents(['{"issuer":"a"}']);
    for (let tenant = 0; tenant < 65; tenant++) await kept.get(`tenant${tenant}`);
    await kept.get('tenant64');
    expect(asked).toHaveLength(65);
    await kept.get('tenant0');
    expect(asked).toHaveLength(66);
  });

  test.each(['', '[]', 'null', '"issuer"', '{}', '<html>'])('that say %j are none', async (text) => {
    await expect(documents([text]).documents.get('')).rejects.toMatchObject({ code: 'NoConfiguration' });
  });

  test('that cannot be had at all are an error, and are asked for again', async () => {
    const { documents: kept, asked } = documents([undefined]);
    await expect(kept.get('')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(kept.get('')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(asked).toHaveLength(2);
  });
});
