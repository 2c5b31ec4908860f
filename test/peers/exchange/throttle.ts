// How Exchange shields itself from a device that asks too much: 503, and for how long.
import { setTimeout as sleep } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import { textOf } from '../wbxml/element.ts';
import { decode, WbxmlError } from '../wbxml/decode.ts';
import { statusReply, type Reply } from '../server/reply.ts';
import type { Device } from './device.ts';
import type { Organisation } from './organisation.ts';
import type { EasQuery } from './query.ts';

interface Asked {
  readonly organisation: Organisation;
  readonly body: Buffer;
  readonly gone: AbortSignal;
}

/** The 503 to a device that is throttled, a Ping after its own heartbeat only; undefined where it is not. */
export async function refuseThrottled(
  asked: Asked,
  query: EasQuery,
  device: Device,
): Promise<Reply | undefined> {
  const { organisation, gone } = asked;
  countRepetition(asked, query, device);
  const seconds = Math.ceil((device.throttledUntil - organisation.now().getTime()) / 1000);
  if (seconds <= 0) return undefined;
  if (query.command === 'Ping') {
    const wait = heartbeatOf(asked.body, device) * 1000 * organisation.timeScale;
    await sleep(wait, undefined, { signal: gone }).catch(() => undefined);
  }
  const places: Record<string, string> = { '{seconds}': String(seconds), '{reason}': device.throttleReason };
  const lines = organisation.kind?.throttleHeaders.value ?? [['Retry-After', '{seconds}'] as const];
  return statusReply(
    503,
    lines.map(([name, value]) => [name, value.replaceAll(/\{\w+\}/g, (place) => places[place] ?? place)]),
  );
}

/** Identical commands in a loop; polls are meant to be alike. */
function countRepetition(
  { organisation, body }: Asked,
  { command, parameters }: EasQuery,
  device: Device,
): void {
  const limit = organisation.kind?.identicalCommands.value;
  if (limit === undefined || command === 'Ping' || body.length === 0) return;
  const digest = createHash('sha256').update(body).digest('hex');
  const asked = `${command} ${JSON.stringify([...parameters])} ${digest}`;
  device.repetitions = asked === device.lastCommand ? device.repetitions + 1 : 1;
  device.lastCommand = asked;
  if (device.repetitions > limit.most && device.throttledUntil <= organisation.now().getTime()) {
    organisation.throttle(device, limit.seconds, 'CommandFrequency');
  }
}

function heartbeatOf(body: Buffer, { cachedPing }: Device): number {
  try {
    const asked = body.length > 0 ? textOf(decode(body), 'Ping:HeartbeatInterval') : undefined;
    return Number(asked ?? cachedPing?.heartbeatSeconds ?? 0);
  } catch (error) {
    if (error instanceof WbxmlError) return 0;
    throw error;
  }
}
