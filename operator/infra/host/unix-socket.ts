// Talks HTTP to a gateway over a Unix socket, wherever its directory is.
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'undici';

/** Longest path of a Unix socket that every system takes (sun_path of unix(7) less the final zero). */
const MAX_PATH_BYTES = 100;
const TIMEOUT_MS = 3_000;

export interface SocketAnswer {
  readonly status: number;
  readonly text: string;
}

/** A client of the socket `name` in `directory`, which has to be there; the socket need not be. Dispose of it. */
export class SocketClient implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #handle: FileHandle | undefined;

  private constructor(pool: Pool, handle: FileHandle | undefined) {
    this.#pool = pool;
    this.#handle = handle;
  }

  static async open(directory: string, name: string): Promise<SocketClient> {
    const path = join(directory, name);
    const short = Buffer.byteLength(path) <= MAX_PATH_BYTES;
    const handle = short ? undefined : await open(directory, 'r');
    const socketPath = handle === undefined ? path : `/proc/self/fd/${handle.fd}/${name}`;
    const pool = new Pool('http://localhost', { connect: { socketPath }, connections: 2, allowH2: false });
    return new SocketClient(pool, handle);
  }

  /** GET. Rejects when nobody answers within three seconds. */
  async get(path: string, signal: AbortSignal): Promise<SocketAnswer> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const { statusCode, body } = await this.#pool.request({ method: 'GET', path, signal: limit });
    return { status: statusCode, text: await body.text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
    await this.#handle?.close();
  }
}
