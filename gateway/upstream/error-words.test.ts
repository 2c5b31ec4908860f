// What the words say where no test can make the fault for real; the others are in test/gateway/pipeline/health.test.ts.
import { describe, expect, test } from 'vitest';
import { UpstreamError, type UpstreamErrorCode } from '../http/errors.ts';
import { errorWords } from './error-words.ts';

const target = (fields: object = {}) => ({
  url: 'https://mbx1.corp',
  ca: undefined,
  serverName: undefined,
  connectTimeoutMs: 5000,
  ...fields,
});

const words = (code: UpstreamErrorCode, cause?: unknown, fields: object = {}): string =>
  errorWords(new UpstreamError(code, 'neverConnected', false, cause), target(fields));

describe('a status says', () => {
  test.each<[string, UpstreamErrorCode, unknown]>([
    [
      'no connection to mbx1.corp:443 within 5 s: it is off, or a firewall drops packets',
      'ConnectTimeout',
      undefined,
    ],
    ['no network route to mbx1.corp:443', 'ConnectFailed', { code: 'EHOSTUNREACH' }],
    ['mbx1.corp:443 closed the connection during the TLS handshake', 'ConnectFailed', { code: 'ECONNRESET' }],
    ['no connection to mbx1.corp:443 (EWHATEVER)', 'ConnectFailed', { code: 'EWHATEVER' }],
    [
      'certificate of mbx1.corp is issued by no public CA: name it in serverTLS.caRef',
      'CertificateRefused',
      { code: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' },
    ],
    [
      'certificate of mbx1.corp is self-signed: name it in serverTLS.caRef',
      'CertificateRefused',
      { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    ],
    [
      'certificate of mbx1.corp:443 was not accepted (CERT_REVOKED)',
      'CertificateRefused',
      { code: 'CERT_REVOKED' },
    ],
    ['mbx1.corp:443 closed the connection before its answer was complete', 'ConnectionLost', undefined],
    [
      'the answer of mbx1.corp:443 is not valid HTTP/1.1 (BadStatusLine)',
      'BadResponse',
      { code: 'BadStatusLine' },
    ],
  ])('%s', (expected, code, cause) => {
    expect(words(code, cause)).toBe(expected);
  });

  test('which name was expected where it is not that of the URL, and no more than ten others', () => {
    const names = Array.from({ length: 12 }, (_, i) => `DNS:n${i}.example.com`).join(', ');
    const cause = { code: 'ERR_TLS_CERT_ALTNAME_INVALID', cert: { subjectaltname: names } };
    expect(words('CertificateRefused', cause, { serverName: 'mail.corp' })).toMatch(
      /^certificate of mbx1\.corp is for n0\.example\.com, .*, n9\.example\.com and 2 more, not for mail\.corp$/,
    );
  });
});
