// What must hold for any bytes: no exception, the same reading however they are cut, and none that llhttp would read differently.
import { deepStrictEqual } from 'node:assert';
import { METHODS } from 'node:http';
import { formatRequestHead } from '../../../gateway/http/write-head.ts';
import { HeaderList } from '../../../gateway/http/headers.ts';
import { comparableMessage, comparableRecord, endToEnd } from './comparable.ts';
import type { OurRequest } from './comparable.ts';
import { requestBytes, responseBytes } from './fuzz-inputs.ts';
import type { Random } from './fuzz-inputs.ts';
import { readRequestsByLlhttp, readResponsesByLlhttp } from './llhttp-reader.ts';
import type { LlhttpMessage, LlhttpReading } from './llhttp-reader.ts';
import { readRequests, readResponses } from './recorder.ts';
import type { RequestReading, ResponseReading } from './recorder.ts';

/** Throws what is wrong with our reading of these bytes as requests. Returns how many complete ones were accepted. */
export function checkRequests(random: Random, raw = requestBytes(random)): number {
  return explain(raw, () => {
    const bytes = Buffer.from(raw, 'latin1');
    const ours = readRequests(bytes);
    deepStrictEqual(readRequests(bytes, random.cuts(bytes.length)), ours);
    compareRequests(ours, readRequestsByLlhttp(bytes), raw);
    const complete = ours.messages.filter(({ complete }) => complete);
    for (const message of complete) checkWritten(message);
    return complete.length;
  });
}

/** The same for responses. */
export function checkResponses(random: Random, raw = responseBytes(random)): number {
  return explain(raw, () => {
    const bytes = Buffer.from(raw, 'latin1');
    const ours = readResponses(bytes);
    deepStrictEqual(
      withoutReuse(readResponses(bytes, { cuts: random.cuts(bytes.length) })),
      withoutReuse(ours),
    );
    compareResponses(ours, readResponsesByLlhttp(bytes), raw);
    return ours.messages.filter(({ complete }) => complete).length;
  });
}

function explain(raw: string, check: () => number): number {
  try {
    return check();
  } catch (error) {
    throw new Error(`on ${JSON.stringify(raw)}`, { cause: error });
  }
}

function compareRequests(ours: RequestReading, theirs: LlhttpReading, raw: string): void {
  for (const [i, message] of ours.messages.entries()) {
    const other = theirs.messages[i];
    // It knows its list of methods and no other.
    if (other === undefined && theirs.refused && !METHODS.includes(message.head.method)) return;
    compareEnds(message, other, { ours, theirs });
    if (other === undefined) return;
    deepStrictEqual(
      { ...comparableRecord(other, raw), body: message.complete ? other.body : '' },
      { ...comparableMessage(message, raw), body: message.complete ? message.body : '' },
    );
    // After these no reader may go on: the connection ends.
    if (theirs.upgraded || !message.keepAlive) return;
  }
  const more = theirs.messages.length > ours.messages.length;
  if (more && ours.error === undefined) throw new Error('llhttp sees a further message');
}

/** What we take for a whole message must be one for llhttp too; and we must not wait where it does not, or refuse. */
function compareEnds(
  message: { complete: boolean },
  other: LlhttpMessage | undefined,
  { ours, theirs }: { ours: { error: string | undefined }; theirs: LlhttpReading },
): void {
  if (other === undefined) throw new Error(`llhttp ${theirs.refused ? 'refuses' : 'does not see'} it`);
  if (message.complete && !other.complete)
    throw new Error(`llhttp ${theirs.refused ? 'refuses' : 'waits for more of'} it`);
  if (other.complete && !message.complete && ours.error === undefined) throw new Error('llhttp sees its end');
}

/** Bytes behind the answer: found at once or with the next piece, both end the connection. */
function withoutReuse({ messages, error }: ResponseReading): unknown {
  const kept = messages.map((message) => ({ ...message, keepAlive: undefined }));
  return { messages: kept, error: error === 'Unsolicited' ? undefined : error };
}

function compareResponses(ours: ResponseReading, theirs: LlhttpReading, raw: string): void {
  const [message] = ours.messages;
  if (message === undefined || theirs.upgraded) return;
  const other = theirs.messages.find(({ status }) => status >= 200);
  compareEnds(message, other, { ours, theirs });
  if (other === undefined) return;
  const body = message.complete ? message.body : '';
  const read = { status: message.head.status, lines: endToEnd(message.headers, raw), body };
  deepStrictEqual(
    { status: other.status, lines: endToEnd(other.lines, raw), body: message.complete ? other.body : '' },
    read,
  );
}

/** What we would send on is read as what we read. */
function checkWritten({ head, headers, body }: OurRequest): void {
  const list = new HeaderList();
  if (headers.length > 2 * 190) return; // with lines of our own it may be too many
  for (let i = 0; i < headers.length; i += 2) list.append(headers[i] ?? '', headers[i + 1] ?? '');
  const written = formatRequestHead({
    ...head,
    headers: list,
    body: body.length,
    hasContentLength: true,
    firstByteTimeoutMs: 1,
  });
  const { messages, error } = readRequests(Buffer.from(written + body, 'latin1'));
  deepStrictEqual(error, undefined);
  deepStrictEqual(messages.length, 1);
  const [again] = messages;
  deepStrictEqual(
    [again?.head.method, again?.head.target, again?.headers, again?.body],
    [head.method, head.target, headers, body],
  );
}
