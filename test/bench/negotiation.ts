// What a proxy's TLS agrees on with a client like wrk (OpenSSL's order of ciphers, X25519).
import { once } from 'node:events';
import { connect, type EphemeralKeyInfo } from 'node:tls';

/** Version, cipher and key exchange in words: `TLSv1.3 TLS_AES_256_GCM_SHA384 X25519`. */
export async function negotiate(port: number, ca: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost', ecdhCurve: 'X25519' });
  try {
    await once(socket, 'secureConnect');
    const { name } = socket.getEphemeralKeyInfo() as EphemeralKeyInfo;
    return `${socket.getProtocol()} ${socket.getCipher().standardName} ${name}`;
  } finally {
    socket.destroy();
  }
}
