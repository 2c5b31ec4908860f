// Why a server cannot be reached, in words for whoever looks after it: they stand in status, events and log.
import type { UpstreamError } from '../http/errors.ts';
import { TLS_HANDSHAKE_TIMEOUT } from '../http/upstream-connection.ts';
import type { CertificateFacts } from './peer-certificate.ts';

interface Target {
  /** `https://host[:port]`. */
  readonly url: string;
  readonly ca: Buffer | undefined;
  readonly serverName: string | undefined;
  readonly connectTimeoutMs: number;
}

interface Cause {
  readonly code?: unknown;
  readonly message?: unknown;
  /** Of a certificate for other names: `DNS:a, DNS:b, IP Address:10.0.0.7`. */
  readonly cert?: { readonly subjectaltname?: string; readonly subject?: { readonly CN?: string } };
}

/** What a server is called in these words. */
interface Names {
  /** Host of the URL. */
  readonly host: string;
  /** With its port. */
  readonly address: string;
  /** That the certificate has to carry. */
  readonly name: string;
  readonly connectSeconds: number;
  readonly ownCAs: boolean;
}

type Words = (names: Names) => string;

const TLS_VERSION: Words = ({ address }) => `${address} speaks no TLS version from 1.2 on`;
const NO_TLS: Words = ({ address }) => `${address} does not speak TLS`;
const NO_WAY: Words = ({ address }) => `no network route to ${address}`;
const CLIENT_CERTIFICATE: Words = ({ address }) => `${address} requires a client certificate`;
const UNTRUSTED: Words = ({ host, ownCAs }) => `certificate of ${host} is issued by ${stranger(ownCAs)}`;

const ALERT = /^ERR_SSL_(SSLV3|SSL\/TLS|TLSV1|TLSV13)_(ALERT_)?/;

/** By the code of what the system, TLS or the resolver said. */
const BY_CAUSE: Readonly<Record<string, Words>> = {
  ENOTFOUND: ({ host }) => `the name ${host} does not resolve`,
  EAI_AGAIN: ({ host }) => `the name ${host} cannot be resolved: the name servers do not answer, or fail`,
  ECONNREFUSED: ({ address }) => `connection refused by ${address}`,
  EHOSTUNREACH: NO_WAY,
  ENETUNREACH: NO_WAY,
  EADDRNOTAVAIL: NO_WAY,
  ETIMEDOUT: ({ address }) => `no connection to ${address}: it does not answer`,
  EMFILE: () => 'this gateway has too many open connections',
  [TLS_HANDSHAKE_TIMEOUT]: ({ address, connectSeconds }) =>
    `${address} takes connections, but the TLS handshake was not complete within ${connectSeconds} s`,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_PROTOCOL_VERSION: TLS_VERSION,
  ERR_SSL_UNSUPPORTED_PROTOCOL: TLS_VERSION,
  ERR_SSL_CERTIFICATE_REQUIRED: CLIENT_CERTIFICATE,
  ERR_SSL_BAD_CERTIFICATE: CLIENT_CERTIFICATE,
  ERR_SSL_HANDSHAKE_FAILURE: ({ address }) =>
    `${address} refused the TLS handshake: it may require a client certificate, or other ciphers`,
  ERR_SSL_UNRECOGNIZED_NAME: ({ address, name }) => `${address} does not know the name ${name} (SNI)`,
  CERT_HAS_EXPIRED: ({ host }) => `certificate of ${host} has expired`,
  CERT_NOT_YET_VALID: ({ host }) => `certificate of ${host} is not valid yet`,
  DEPTH_ZERO_SELF_SIGNED_CERT: ({ host }) =>
    `certificate of ${host} is self-signed: name it in serverTLS.caRef`,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
};

/**
 * An upstream error in words: `connection refused by mbx1.corp:443`.
 * @param certificate of the server, where it was looked at
 */
export function errorWords(error: UpstreamError, target: Target, certificate?: CertificateFacts): string {
  const names = namesOf(target);
  const cause = (error.cause ?? {}) as Cause;
  const code = codeOf(cause);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return otherNames(names, cause);
  const closer = certificate === undefined ? undefined : certificateWords(code, names, certificate);
  return closer ?? BY_CAUSE[code]?.(names) ?? wordsOf(error, code, names);
}

/** Without the version of TLS that OpenSSL puts before the name of an alert, differently from release to release. */
function codeOf({ code }: Cause): string {
  return typeof code === 'string' ? code.replace(ALERT, 'ERR_SSL_') : '';
}

function wordsOf(error: UpstreamError, code: string, { address, connectSeconds }: Names): string {
  switch (error.code) {
    case 'ConnectTimeout':
      return `no connection to ${address} within ${connectSeconds} s: it is off, or a firewall drops packets`;
    case 'ConnectFailed':
      return code === 'ECONNRESET' || code === ''
        ? `${address} closed the connection during the TLS handshake`
        : `no connection to ${address} (${code})`;
    case 'CertificateRefused':
      return `certificate of ${address} was not accepted (${code})`;
    case 'ConnectionLost':
      return `${address} closed the connection before its answer was complete`;
    case 'FirstByteTimeout':
      return `${address} did not begin its answer in time`;
    case 'InactivityTimeout':
      return `${address} stopped in the middle of a request or an answer`;
    case 'BadResponse':
      return `the answer of ${address} is not valid HTTP/1.1${code === '' ? '' : ` (${code})`}`;
    case 'PoolExhausted':
    case 'PoolClosed':
      return error.message;
    default:
      return error.code satisfies never;
  }
}

/** What only the certificate itself tells: dates, and who issued it. */
function certificateWords(
  code: string,
  { host, ownCAs }: Names,
  { validFrom, expiredCA, expired, issuer }: CertificateFacts,
): string | undefined {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      if (expired !== undefined) return `certificate of ${host} expired on ${expired}`;
      if (expiredCA === undefined) return undefined;
      return `certificate of the CA ${expiredCA.name}, which issued that of ${host}, expired on ${expiredCA.expired}`;
    case 'CERT_NOT_YET_VALID':
      return `certificate of ${host} is valid only from ${validFrom} on`;
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `certificate of ${host} is issued by ${issuer}, ${stranger(ownCAs)}`;
    default:
      return undefined;
  }
}

function stranger(ownCAs: boolean): string {
  return ownCAs ? 'a CA that serverTLS.caRef does not hold' : 'no public CA: name it in serverTLS.caRef';
}

function otherNames({ name, host }: Names, { cert }: Cause): string {
  const names = (cert?.subjectaltname ?? '')
    .split(', ')
    .map((one) => one.replace(/^(DNS|IP Address):/, ''))
    .filter((one) => one !== '');
  const carried = names.length === 0 ? (cert?.subject?.CN ?? 'nothing') : listed(names);
  const of = name === host ? '' : ` of ${host}`;
  return `certificate${of} is for ${carried}, not for ${name}`;
}

const MOST_NAMES = 10;

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  const shown = names.slice(0, MOST_NAMES).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function namesOf({ url, ca, serverName, connectTimeoutMs }: Target): Names {
  const { hostname, port, protocol } = new URL(url);
  const standard = protocol === 'https:' ? '443' : '80';
  return {
    host: hostname,
    address: `${hostname}:${port === '' ? standard : port}`,
    name: serverName ?? hostname,
    connectSeconds: connectTimeoutMs / 1000,
    ownCAs: ca !== undefined,
  };
}
