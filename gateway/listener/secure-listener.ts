// TLS of one listener of one snapshot: certificates, versions, session tickets.
import { constants, createHash, hkdfSync } from 'node:crypto';
import { createServer, type Server, type TlsOptions } from 'node:tls';
import type { Snapshot, SnapshotFiles, SnapshotListener } from '../config/snapshot.ts';

/** Seconds for which a session may be resumed: phones come back after hours. The keys of the tickets rotate with the snapshot. */
const SESSION_SECONDS = 86_400;
const HANDSHAKE_TIMEOUT_MS = 15_000;
/** Forward secret and authenticated; what phones of the last ten years have. The phone chooses: not all have AES in hardware. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/**
 * Makes a TLS server that is never bound to a port: connected sockets are handed to it by `emit('connection')`. One per
 * listener, because OpenSSL takes versions and ticket keys from the server and not from the context that SNI chooses.
 */
export function createSecureListener(
  snapshot: Snapshot,
  listener: SnapshotListener,
  files: SnapshotFiles,
): Server {
  return createServer({
    ...certificatesOf(listener, files),
    minVersion: listener.minVersion,
    ciphers: CIPHERS,
    honorCipherOrder: false,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    sessionTimeout: SESSION_SECONDS,
    ...sessionOf(snapshot, listener, files),
  });
}

function certificatesOf(
  { certificates }: SnapshotListener,
  files: SnapshotFiles,
): Pick<TlsOptions, 'cert' | 'key'> {
  const read = (name: string): Buffer => files.get(name) ?? Buffer.alloc(0);
  return {
    cert: certificates.map(({ certificateFile }) => read(certificateFile)),
    key: certificates.map(({ keyFile }) => read(keyFile)),
  };
}

/**
 * The same in every replica and after a restart, and another for each listener and its terms: a ticket is good where it was given,
 * and as long as that would be given again. A resumed session skips what a full handshake checks.
 */
function sessionOf(snapshot: Snapshot, listener: SnapshotListener, files: SnapshotFiles) {
  const { namespace, name } = snapshot.gateway;
  const purpose = `sentry session tickets ${namespace}/${name}/${listener.name} ${termsOf(listener)}`;
  const secret = files.get(snapshot.ticketKeyFile) ?? Buffer.alloc(0);
  return {
    ticketKeys: Buffer.from(hkdfSync('sha256', secret, '', purpose, 48)),
    sessionIdContext: createHash('sha256').update(purpose).digest('hex').slice(0, 32),
  };
}

/** A hash of whom a listener lets in and how; not of its certificates, whose renewal is to end no session. */
function termsOf({ minVersion }: SnapshotListener): string {
  return createHash('sha256').update(JSON.stringify({ minVersion })).digest('hex');
}
