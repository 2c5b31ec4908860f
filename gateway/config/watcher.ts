// Watches a directory for snapshots and says of each new content whether it can be served.
import { setTimeout as sleep } from 'node:timers/promises';
import { readIndex, readSlots } from './directory.ts';
import { type Decoded, type DecodedSnapshot, decodeSnapshot, INDEX_FILE } from './files.ts';
import { validateSnapshot } from './validate.ts';

/** What became of a new content. A refused one changes nothing: the last accepted one is to be served on. */
export type WatchEvent =
  | { readonly kind: 'accepted'; readonly decoded: DecodedSnapshot; readonly from: 'current' | 'fallback' }
  | {
      readonly kind: 'refused';
      readonly hash: string;
      readonly message: string;
      readonly from: 'current' | 'fallback';
    }
  /** Index and files do not belong together (yet), or the directory cannot be read; said once for each message. */
  | { readonly kind: 'incomplete'; readonly message: string };

export interface WatchOptions {
  readonly directory: string;
  /** Whether any snapshot of those accepted so far is in use: the gateway may find more to refuse. */
  readonly isServing: () => boolean;
  /** Where the last snapshot lies that every gateway acknowledged: tried once when there is nothing good to start with. */
  readonly fallback?: string | undefined;
  /** Between two looks at the index, in ms. Contents are compared: a swap of links defeats file watchers, a copy its times. */
  readonly pollMs?: number;
  /** How long a start waits for an incomplete directory before it takes the fallback, in ms. */
  readonly patienceMs?: number;
  readonly signal: AbortSignal;
}

/** Yields an event for each new content of the directory, in order, until `signal` is aborted. Never throws. */
export async function* watchSnapshots(options: WatchOptions): AsyncGenerator<WatchEvent, void, void> {
  const { directory, isServing, fallback, pollMs = 250, patienceMs = 2000, signal } = options;
  const current = new WatchedDirectory(directory);
  const started = performance.now();
  let fallbackUntried = fallback !== undefined;
  while (!signal.aborted) {
    const event = await current.look();
    if (event !== null) yield event;
    const isBad = event !== null && event.kind !== 'incomplete';
    const outOfPatience = isBad || performance.now() - started >= patienceMs;
    if (fallbackUntried && outOfPatience && fallback !== undefined && !isServing()) {
      fallbackUntried = false;
      yield judge(decodeSnapshot(await readSlots(fallback).catch(() => new Map())), 'fallback');
    }
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The directory under watch, with what is known of its content. */
class WatchedDirectory {
  private readonly directory: string;
  /** The index on which an event was given; nothing is read again while it stays. */
  private settled: Buffer | null = null;
  private said = '';

  constructor(directory: string) {
    this.directory = directory;
  }

  /** The event of a new content, or null when there is none. */
  async look(): Promise<WatchEvent | null> {
    try {
      const index = await readIndex(this.directory);
      if (index !== null && this.settled?.equals(index) === true) return null;
      return this.settle(await readSlots(this.directory));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      return this.sayOnce(`${this.directory} cannot be read (${code})`);
    }
  }

  private settle(contents: ReadonlyMap<string, Buffer>): WatchEvent | null {
    const event = judge(decodeSnapshot(contents), 'current');
    if (event.kind === 'incomplete') return this.sayOnce(event.message);
    this.settled = contents.get(INDEX_FILE) ?? null;
    this.said = '';
    return event;
  }

  private sayOnce(message: string): WatchEvent | null {
    if (message === this.said) return null;
    this.said = message;
    return { kind: 'incomplete', message };
  }
}

function judge(decoded: Decoded, from: 'current' | 'fallback'): WatchEvent {
  if (decoded.kind === 'incomplete') return decoded;
  if (decoded.kind === 'bad') return { ...decoded, kind: 'refused', from };
  const problems = validateSnapshot(decoded.snapshot, decoded.files);
  if (problems.length === 0) return { kind: 'accepted', decoded, from };
  const message =
    problems.slice(0, 3).join('; ') + (problems.length > 3 ? ` (and ${problems.length - 3} more)` : '');
  return { kind: 'refused', hash: decoded.hash, message, from };
}
