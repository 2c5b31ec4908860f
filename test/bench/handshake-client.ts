// A process that connects anew for each request, so that each costs a full TLS handshake: arguments are port, seconds, connections at once.
import { connect } from 'node:tls';
import { AUTHORIZATION, type LoadResult, TARGET } from './load.ts';

const [port = 0, seconds = 0, connections = 0] = process.argv.slice(2).map(Number);
const BODY_BYTES = 1024;
const REQUEST = [
  `POST ${TARGET} HTTP/1.1`,
  `Host: localhost:${port}`,
  'Content-Type: application/vnd.ms-sync.wbxml',
  'MS-ASProtocolVersion: 16.1',
  'User-Agent: Apple-iPhone15C2/2101.100',
  `Authorization: ${AUTHORIZATION}`,
  'Connection: close',
  `Content-Length: ${BODY_BYTES}`,
  '',
  'x'.repeat(BODY_BYTES),
].join('\r\n');

const end = performance.now() + seconds * 1000;
let requests = 0;
let errors = 0;

/** One connection after the other until the time is over. A resumed session is an error: it would be no full handshake. */
function connectOnce(): void {
  if (performance.now() >= end) return;
  let answer = 0;
  let isGood = false;
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ecdhCurve: 'X25519' });
  socket.on('secureConnect', () => socket.write(REQUEST, 'latin1'));
  socket.on('data', (bytes: Buffer) => {
    if (answer === 0)
      isGood = bytes.toString('latin1', 0, 12) === 'HTTP/1.1 200' && !socket.isSessionReused();
    answer += bytes.length;
  });
  socket.on('error', () => (isGood = false));
  socket.on('close', () => {
    if (isGood && answer > BODY_BYTES) requests++;
    else errors++;
    connectOnce();
  });
}

for (let i = 0; i < connections; i++) connectOnce();
process.on('exit', () => console.log(JSON.stringify({ requests, errors } satisfies LoadResult)));
