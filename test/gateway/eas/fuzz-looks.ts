// One look of the gateway at a fuzzed body: it never throws, says the same in any pieces, takes what an independent decoder takes,
// leaves the bytes alone, and needs little memory.
import { isDeepStrictEqual } from 'node:util';
import { inflateRawSync, inflateSync, gunzipSync } from 'node:zlib';
import { type BodyLook, lookAtBody, MAX_LOOK_BYTES } from '../../../gateway/eas/body-look.ts';
import { COMMANDS } from '../../../gateway/eas/commands.ts';
import { drainAnswer } from '../../../gateway/eas/drain-answer.ts';
import { mayReplay } from '../../../gateway/eas/replay.ts';
import { scanRequest } from '../../../gateway/eas/request-scan.ts';
import { decode } from '../../peers/wbxml/decode.ts';
import type { Element } from '../../peers/wbxml/element.ts';
import type { Random } from '../http/fuzz-inputs.ts';
import { type FuzzedBody, fuzzedBody } from './fuzz-inputs.ts';

const MAX_LOOK_MEMORY = 1_000_000;
/** Measuring costs more than a look. */
const MEASURED_ONE_IN = 20;

/** Checks one body. @returns 1 where it was understood. @throws what went wrong, with the body. */
export function checkLook(random: Random): 0 | 1 {
  const body = fuzzedBody(random);
  try {
    return check(random, body);
  } catch (error) {
    const { bytes, contentEncoding } = body;
    throw new Error(`${contentEncoding} ${bytes.toString('hex').slice(0, 20_000)}`, { cause: error });
  }
}

function check(random: Random, { bytes, contentEncoding }: FuzzedBody): 0 | 1 {
  const pieces = cut(random, bytes);
  const before = Buffer.from(bytes);
  const look = random.chance(MEASURED_ONE_IN)
    ? measured(pieces, contentEncoding)
    : lookAtBody(pieces, contentEncoding);
  if (!bytes.equals(before)) throw new Error('the body was changed');
  if (!isDeepStrictEqual(facts(look), facts(lookAtBody([bytes], contentEncoding)))) {
    throw new Error('in other pieces it says something else');
  }
  const command = random.pick(COMMANDS);
  const scan = scanRequest(command, pieces, contentEncoding);
  drainAnswer(command, scan);
  mayReplay(command, scan);
  compare(look, bytes, contentEncoding);
  return look === undefined ? 0 : 1;
}

function cut(random: Random, bytes: Buffer): Buffer[] {
  const places = [0, ...random.cuts(bytes.length).toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, at) => bytes.subarray(places[at], end));
}

/** What was allocated is at least what was held. A collection meanwhile makes it look like less, never like more. */
function measured(pieces: readonly Buffer[], contentEncoding: string | undefined): BodyLook | undefined {
  const before = memory();
  const look = lookAtBody(pieces, contentEncoding);
  const used = memory() - before;
  if (used > MAX_LOOK_MEMORY) throw new Error(`one look took ${used} bytes`);
  return look;
}

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function facts(look: BodyLook | undefined): unknown {
  return look === undefined ? undefined : { ...look, fetchOnly: look.fetchOnly };
}

/** What the peers' decoder takes, which knows fewer tags and is as strict, the gateway's must take, and find the same in it. */
function compare(look: BodyLook | undefined, bytes: Buffer, contentEncoding: string | undefined): void {
  const document = independently(bytes, contentEncoding);
  if (document === undefined) return;
  const { commands, waits } = summary(document);
  if (waits.some((wait) => !/^\d{1,6}$/.test(wait)) || waits.length > 1) return;
  if (look === undefined) {
    if (contentEncoding !== undefined) return; // bytes behind a compressed body, which only Node passes over
    throw new Error('the peers understand it, the gateway does not');
  }
  if (look.commands !== commands) throw new Error(`the peers find Commands: ${commands}`);
  if ((look.waitSeconds === undefined) !== (waits.length === 0))
    throw new Error(`the peers find waits: ${waits.join()}`);
}

function independently(bytes: Buffer, contentEncoding: string | undefined): Element | undefined {
  try {
    const plain = inflated(bytes, contentEncoding);
    return plain.length > MAX_LOOK_BYTES ? undefined : decode(plain);
  } catch {
    return undefined;
  }
}

function inflated(bytes: Buffer, contentEncoding: string | undefined): Buffer {
  switch (contentEncoding) {
    case undefined:
    case '':
    case 'identity':
      return bytes;
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(bytes);
    case 'deflate':
      return (bytes[0] === 0x78 ? inflateSync : inflateRawSync)(bytes);
    default:
      throw new Error('not a coding that the gateway undoes');
  }
}

function summary(root: Element): { commands: boolean; waits: string[] } {
  const found = { commands: false, waits: [] as string[] };
  for (const child of root.children) {
    if (typeof child !== 'object' || !('tag' in child)) continue;
    if (/^(?:AirSync:Wait|(?:AirSync|Ping):HeartbeatInterval)$/.test(child.tag)) {
      for (const text of child.children) if (typeof text === 'string') found.waits.push(text);
    }
  }
  found.commands = holds(root, 'AirSync:Commands', 0);
  return found;
}

function holds(parent: Element, tag: string, depth: number): boolean {
  return parent.children.some(
    (child) =>
      typeof child === 'object' &&
      'tag' in child &&
      (child.tag === tag || (depth < 64 && holds(child, tag, depth + 1))),
  );
}
