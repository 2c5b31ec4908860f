// A process of many phones that connect at once and hold a Ping each: `node storm-phones.ts PORT COUNT CA-FILE`.
// A phone that fails tries again, as phones do. It says on stdout, one JSON line each second, how many hold their Ping, and ends on SIGTERM.
import { readFileSync } from 'node:fs';
import { connect, createSecureContext } from 'node:tls';

const [port = '', count = '', caFile = ''] = process.argv.slice(2);
const secureContext = createSecureContext({ ca: readFileSync(caFile) });
const TRIES = 5;
const RETRY_MS = 2000;

const state = { holding: 0, retries: 0, givenUp: 0, errors: {} as Record<string, number> };

function phone(number: number, triesLeft: number): void {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(port),
    servername: 'sentry.example.com',
    secureContext,
    ALPNProtocols: ['http/1.1'],
  });
  let holds = false;
  socket.on('secureConnect', () => {
    holds = true;
    state.holding++;
    socket.write(pingOf(number));
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    const code = error.code ?? error.message;
    state.errors[code] = (state.errors[code] ?? 0) + 1;
  });
  socket.on('close', () => {
    if (holds) state.holding--;
    if (triesLeft === 0) {
      state.givenUp++;
      return;
    }
    state.retries++;
    setTimeout(() => phone(number, triesLeft - 1), RETRY_MS);
  });
  socket.resume();
}

function pingOf(number: number): string {
  const authorization = Buffer.from(`user${number}@example.com:secret`).toString('base64');
  return (
    `POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=user${number}%40example.com&DeviceId=storm${number}&DeviceType=iPhone HTTP/1.1\r\n` +
    `Host: sentry.example.com\r\nMS-ASProtocolVersion: 16.1\r\nAuthorization: Basic ${authorization}\r\nContent-Length: 0\r\n\r\n`
  );
}

for (let number = 0; number < Number(count); number++) phone(number, TRIES);
setInterval(() => console.log(JSON.stringify(state)), 1000);
process.on('SIGTERM', () => process.exit(0));
