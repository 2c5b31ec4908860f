// What the rude client does that no client should.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Misbehaviour } from './clients/profile.ts';
import { ConnectionLost } from './http-connection.ts';
import type { Phone } from './phone.ts';

const patienceMilliseconds = 50;

/** Does it once and resolves when it is over; whatever the server makes of it is right, and failures are none of ours. */
export async function misbehave(phone: Phone, what: Misbehaviour): Promise<void> {
  switch (what) {
    case 'abort':
      return abandon(phone);
    case 'second ping':
      return pollTwice(phone);
    case 'wrong length':
      return lieAboutLength(phone);
  }
}

async function abandon(phone: Phone): Promise<void> {
  const gone = new AbortController();
  const ping = phone.ping(60, { signal: gone.signal });
  await sleep(patienceMilliseconds);
  gone.abort(new Error('the client left'));
  await ping.catch(() => undefined);
}

async function pollTwice(phone: Phone): Promise<void> {
  const gone = new AbortController();
  const first = phone.ping(60, { signal: gone.signal });
  await sleep(patienceMilliseconds);
  const second = phone.ping(60, { signal: gone.signal });
  await sleep(patienceMilliseconds);
  gone.abort(new Error('the client left'));
  await Promise.allSettled([first, second]);
}

/** Says more than it sends, and leaves. */
async function lieAboutLength(phone: Phone): Promise<void> {
  const gone = new AbortController();
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('03016a00', 'hex');
    await sleep(patienceMilliseconds);
  };
  const request = phone.send({
    command: 'Ping',
    content: pieces(),
    contentLength: 1000,
    signal: gone.signal,
  });
  await sleep(2 * patienceMilliseconds);
  gone.abort(new ConnectionLost('request', 'LEFT'));
  await request.catch(() => undefined);
}
