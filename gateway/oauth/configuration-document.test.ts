// The identity provider's configuration as phones get it.
import { describe, expect, test } from 'vitest';
import { throughGateway } from './configuration-document.ts';

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
