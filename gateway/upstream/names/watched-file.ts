// A small file that others change, such as /etc/hosts: read again when it is asked for, but not all the time.
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../http/deadlines.ts';

const READ_AGAIN_MS = 5_000;

export class WatchedFile<T> {
  private readonly path: string;
  private readonly clock: Clock;
  private readonly parse: (text: string) => T;
  private text: string | undefined;
  private value: T;
  private readAt = Number.NEGATIVE_INFINITY;
  private reading: Promise<T> | undefined;

  /** A file that is not there is an empty one. */
  constructor(path: string, clock: Clock, parse: (text: string) => T) {
    this.path = path;
    this.clock = clock;
    this.parse = parse;
    this.value = parse('');
  }

  /** What the file says; the same object as long as it says the same. At most five seconds old. */
  async current(): Promise<T> {
    if (this.clock.now() - this.readAt < READ_AGAIN_MS) return this.value;
    this.reading ??= this.read();
    return this.reading;
  }

  private async read(): Promise<T> {
    const text = await readFile(this.path, 'utf8').catch(() => '');
    if (text !== this.text) this.value = this.parse(text);
    this.text = text;
    this.readAt = this.clock.now();
    this.reading = undefined;
    return this.value;
  }
}
