// One request and its answer at a simulated server, with whatever a fault does to them.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultAction } from '../faults.ts';
import { statusReply, type Reply } from './reply.ts';
import { writeFaultyReply, writeReply } from './reply-writer.ts';

const mostBodyBytes = 64 * 1024 * 1024;

export interface ConversationEnd {
  /** Undefined when no answer was begun. */
  readonly status: number | undefined;
  /** `aborted`: the client went before the answer was complete; `faulted`: a fault had a hand in it. */
  readonly outcome: 'answered' | 'aborted' | 'faulted';
  readonly milliseconds: number;
}

interface Observer {
  /** An answer is about to be written. */
  onAnswer?(status: number): void;
  /** Answer or connection has ended; called once. */
  onEnd(end: ConversationEnd): void;
}

export class Conversation {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #reset: () => void;
  readonly #observer: Observer;
  readonly #gone = new AbortController();
  readonly #started = performance.now();
  #faulted = false;
  #status: number | undefined;
  #bodyBytes = 0;
  #bodySha256: string | undefined;

  /** `reset` resets the connection below TLS. */
  constructor(request: IncomingMessage, response: ServerResponse, reset: () => void, observer: Observer) {
    this.#request = request;
    this.#response = response;
    this.#reset = reset;
    this.#observer = observer;
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    response.once('close', () => {
      const complete = response.writableFinished;
      if (!complete) this.#gone.abort();
      observer.onEnd({
        status: this.#status,
        outcome: this.#faulted ? 'faulted' : complete ? 'answered' : 'aborted',
        milliseconds: performance.now() - this.#started,
      });
    });
  }

  /** Aborted when the client has gone before the answer was complete. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Whether a fault has a hand in it. */
  get faulted(): boolean {
    return this.#faulted;
  }

  /** Bytes of the request body that have arrived so far. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Hex; undefined until the whole body is there. */
  get bodySha256(): string | undefined {
    return this.#bodySha256;
  }

  /** Reads the body, has it answered by `respond` and writes that; `fault` may take the place of each of these steps. */
  async run(fault: FaultAction | undefined, respond: (body: Buffer) => Promise<Reply>): Promise<void> {
    this.#faulted = fault !== undefined;
    try {
      if (fault && (await this.#replaceBeforeBody(fault))) return;
      if (this.#request.headers.expect?.toLowerCase() === '100-continue') this.#response.writeContinue();
      const body = await this.#readBody(fault);
      if (!body) return;
      if (fault && (await this.#replaceAfterBody(fault))) return;
      await this.#write(await respond(body), fault);
    } catch (error) {
      if (!this.gone.aborted) throw error;
    }
  }

  /** True when the fault answered, or ended the connection, before the body was read. */
  async #replaceBeforeBody(fault: FaultAction): Promise<boolean> {
    switch (fault.kind) {
      case 'early-answer':
        if (fault.close) this.#response.shouldKeepAlive = false;
        await this.#write(cannedReply(fault), undefined);
        return true;
      case 'reset-request':
        await this.#readUpTo(fault.afterBytes);
        this.#reset();
        return true;
      default:
        return false;
    }
  }

  /** True when the fault took the place of the genuine answer. */
  async #replaceAfterBody(fault: FaultAction): Promise<boolean> {
    switch (fault.kind) {
      case 'hang':
        return true;
      case 'answer':
        await sleep(fault.delayMilliseconds ?? 0, undefined, { signal: this.gone });
        await this.#write(cannedReply(fault), undefined);
        return true;
      default:
        return false;
    }
  }

  async #write(reply: Reply, fault: FaultAction | undefined): Promise<void> {
    if (this.gone.aborted) return;
    const connection = { reset: this.#reset, gone: this.gone };
    if (fault?.kind === 'delay') await sleep(fault.milliseconds, undefined, { signal: this.gone });
    this.#status = reply.status;
    this.#observer.onAnswer?.(reply.status);
    if (fault && (await writeFaultyReply(this.#response, reply, fault, connection))) return;
    await writeReply(this.#response, reply, connection);
  }

  /** The whole body; undefined when the client left before its end, or when it is too large. */
  async #readBody(fault: FaultAction | undefined): Promise<Buffer | undefined> {
    const hash = createHash('sha256');
    const pieces: Buffer[] = [];
    try {
      for await (const piece of this.#request as AsyncIterable<Buffer>) {
        this.#bodyBytes += piece.length;
        hash.update(piece);
        pieces.push(piece);
        if (this.#bodyBytes > mostBodyBytes) {
          await this.#write(statusReply(413), undefined);
          return undefined;
        }
        if (fault?.kind === 'slow-request') await sleep((piece.length / fault.bytesPerSecond) * 1000);
      }
    } catch {
      return undefined;
    }
    if (!this.#request.complete) return undefined;
    this.#bodySha256 = hash.digest('hex');
    return Buffer.concat(pieces);
  }

  async #readUpTo(bytes: number): Promise<void> {
    if (bytes === 0) return;
    const pieces = this.#request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const piece of pieces) {
      this.#bodyBytes += piece.length;
      if (this.#bodyBytes >= bytes) return;
    }
  }
}

function cannedReply({
  status,
  reason,
  headers = [],
  body = '',
}: Extract<FaultAction, { status: number }>): Reply {
  return { status, reason, headers, body: Buffer.from(body) };
}
