// Writes a reply onto the connection: as Exchange does, or as a fault wants it.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultAction } from '../faults.ts';
import { chunksOf, lengthOf, reasonOf, type Reply } from './reply.ts';

/** The connection below TLS, which alone can be reset. */
export interface Resettable {
  reset(): void;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
}

/** Writes the reply with its genuine framing. */
export async function writeReply(
  response: ServerResponse,
  reply: Reply,
  { gone }: Resettable,
): Promise<void> {
  response.writeHead(reply.status, reasonOf(reply), headerLines(reply));
  for (const chunk of chunksOf(reply)) {
    if (gone.aborted) return;
    if (!response.write(chunk)) await drained(response, gone);
  }
  response.end();
}

/** Writes the reply as the fault wants it; true when the fault concerns how an answer is written. */
export async function writeFaultyReply(
  response: ServerResponse,
  reply: Reply,
  fault: FaultAction,
  connection: Resettable,
): Promise<boolean> {
  switch (fault.kind) {
    case 'reset-answer':
    case 'close-answer':
      await cutOff(response, reply, fault, connection);
      return true;
    case 'slow-answer':
      await trickle(response, reply, fault, connection);
      return true;
    case 'garbage':
      await writeRaw(response, Buffer.from(fault.text ?? 'This is not HTTP.\r\n\r\n'), connection);
      response.socket?.end();
      return true;
    case 'wrong-length': {
      const lied = {
        ...reply,
        headers: [...reply.headers, ['Content-Length', String(lengthOf(reply) + fault.by)] as const],
      };
      await writeRaw(response, wholeReply(lied), connection);
      response.socket?.end();
      return true;
    }
    case 'chunked':
      await chunked(response, reply, fault.chunkBytes);
      return true;
    default:
      return false;
  }
}

async function cutOff(
  response: ServerResponse,
  reply: Reply,
  { kind, afterBytes }: Extract<FaultAction, { kind: 'reset-answer' | 'close-answer' }>,
  connection: Resettable,
): Promise<void> {
  if (afterBytes > 0) await writeRaw(response, wholeReply(reply).subarray(0, afterBytes), connection);
  if (kind === 'reset-answer') connection.reset();
  else response.socket?.end();
}

async function trickle(
  response: ServerResponse,
  reply: Reply,
  { chunkBytes, everyMilliseconds }: Extract<FaultAction, { kind: 'slow-answer' }>,
  { gone }: Resettable,
): Promise<void> {
  response.writeHead(reply.status, reasonOf(reply), headerLines(reply));
  response.flushHeaders();
  const body = Buffer.concat([...chunksOf(reply)]);
  for (let at = 0; at < body.length && !gone.aborted; at += chunkBytes) {
    await sleep(everyMilliseconds);
    response.write(body.subarray(at, at + chunkBytes));
  }
  response.end();
}

async function chunked(response: ServerResponse, reply: Reply, chunkBytes: number): Promise<void> {
  const lines = headerLines(reply, false);
  response.writeHead(reply.status, reasonOf(reply), [...lines, 'Transfer-Encoding', 'chunked']);
  const body = Buffer.concat([...chunksOf(reply)]);
  for (let at = 0; at < body.length; at += chunkBytes) response.write(body.subarray(at, at + chunkBytes));
  response.end();
  await Promise.resolve();
}

/** The answer's bytes, head included. */
function wholeReply(reply: Reply): Buffer {
  const lines = headerLines(reply);
  let head = `HTTP/1.1 ${reply.status} ${reasonOf(reply)}\r\n`;
  for (let index = 0; index < lines.length; index += 2) head += `${lines[index]}: ${lines[index + 1]}\r\n`;
  return Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), ...chunksOf(reply)]);
}

async function writeRaw({ socket }: ServerResponse, bytes: Buffer, { gone }: Resettable): Promise<void> {
  if (!socket || gone.aborted) return;
  await new Promise<void>((resolve) => {
    socket.write(bytes, () => resolve());
  });
}

function headerLines(reply: Reply, withLength = true): string[] {
  const lines = reply.headers.flat();
  const declared = reply.headers.some(([name]) => name.toLowerCase() === 'content-length');
  if (withLength && !declared) lines.push('Content-Length', String(lengthOf(reply)));
  return lines;
}

async function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal: gone });
  } catch (error) {
    if (!gone.aborted) throw error;
  }
}
