// One gateway of this machine: its snapshot on disk, the process that serves it, and those that still drain.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { readSlots, writeSlots } from '../../../gateway/config/directory.ts';
import { decodeSnapshot, encodeSnapshot, SnapshotTooLargeError } from '../../../gateway/config/files.ts';
import type { GatewayReport } from '../../../gateway/config/report.ts';
import type { Snapshot } from '../../../gateway/config/snapshot.ts';
import type { Key, SnapshotWithFiles } from '../../translate/types.ts';
import { GatewayInstance } from './gateway-instance.ts';
import type { ProcessFailure } from './gateway-process.ts';

export interface HostedGatewayOptions {
  readonly key: Key;
  /** Of this gateway alone: `snapshot/`, `fallback/` and `run/` are made in it. */
  readonly directory: string;
  readonly address: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** What is to be served. */
export interface WantedSnapshot {
  readonly snapshot: Snapshot;
  /** Of snapshot and files, 64 hex digits: equal exactly when the content is. */
  readonly hash: string;
  /** Counts contents, over restarts too. */
  readonly generation: number;
}

/** What was seen of a gateway. */
export interface GatewayObservation {
  readonly key: Key;
  /** Where phones connect; undefined when nothing was ever started. */
  readonly port: number | undefined;
  readonly wanted: WantedSnapshot | undefined;
  /** Why the last configuration was not given to the process, in words. */
  readonly tooLarge: string | undefined;
  readonly report: GatewayReport | undefined;
  readonly failure: ProcessFailure | undefined;
  readonly restarts: number;
}

type Written = SnapshotWithFiles & WantedSnapshot;

export class HostedGateway {
  readonly #options: HostedGatewayOptions;
  readonly #draining = new Set<Promise<void>>();
  readonly #drained: GatewayInstance[] = [];
  #instance: GatewayInstance | undefined;
  #instances = 0;
  #written: Written | undefined;
  #tooLarge: string | undefined;
  /** Of the snapshot in `fallback/`. */
  #acknowledged: string | undefined;

  private constructor(options: HostedGatewayOptions, written: Written | undefined) {
    this.#options = options;
    this.#written = written;
  }

  /** Takes up what an earlier run left on disk; nothing runs yet. */
  static async open(options: HostedGatewayOptions): Promise<HostedGateway> {
    return new HostedGateway(options, await readWritten(join(options.directory, 'snapshot')));
  }

  /** What the process was given last, also by an earlier run. */
  get previous(): SnapshotWithFiles | undefined {
    return this.#written;
  }

  get instance(): GatewayInstance | undefined {
    return this.#instance;
  }

  observe(): GatewayObservation {
    const { key } = this.#options;
    const instance = this.#instance;
    return {
      key,
      port: instance?.port,
      wanted: this.#written,
      tooLarge: this.#tooLarge,
      report: instance?.report,
      failure: instance?.failure,
      restarts: instance?.restarts ?? 0,
    };
  }

  /** Has this served on `port`: hot when only the content changed, by a second process while the first drains when the port did. */
  async serve(content: SnapshotWithFiles, port: number): Promise<void> {
    const written = await this.#write(content);
    if (this.#instance?.port !== port) {
      const before = this.#instance;
      this.#instance = await this.#start(port);
      if (before !== undefined) this.#drain(before);
    }
    if (written !== undefined) this.#instance.await(written.hash);
  }

  /** Drains all processes and resolves when they have ended. */
  async stop(): Promise<void> {
    if (this.#instance !== undefined) this.#drain(this.#instance);
    this.#instance = undefined;
    await Promise.all(this.#draining);
  }

  /** Ends all processes at once. `stop` must have been called. */
  kill(): void {
    for (const instance of this.#drained) instance.kill();
  }

  /** Removes what was made for the process; the gateway's keys stay. */
  async forget(): Promise<void> {
    for (const name of ['snapshot', 'fallback']) {
      await rm(join(this.#options.directory, name), { recursive: true, force: true });
    }
  }

  /** Writes new content for the process to find; undefined when it does not fit, and then the last one stays. */
  async #write({ snapshot, files }: SnapshotWithFiles): Promise<Written | undefined> {
    try {
      const generation = (this.#written?.generation ?? 0) + 1;
      const encoded = encodeSnapshot(snapshot, files, generation);
      this.#tooLarge = undefined;
      if (encoded.hash === this.#written?.hash) return this.#written;
      await writeSlots(join(this.#options.directory, 'snapshot'), encoded);
      this.#written = { snapshot, files, generation, hash: encoded.hash };
      return this.#written;
    } catch (error) {
      if (!(error instanceof SnapshotTooLargeError)) throw error;
      this.#tooLarge = error.message;
      return this.#written;
    }
  }

  async #start(port: number): Promise<GatewayInstance> {
    const { directory, address, environment, log } = this.#options;
    this.#instances += 1;
    return await GatewayInstance.start({
      runDirectory: join(directory, 'run', String(this.#instances)),
      snapshotDirectory: join(directory, 'snapshot'),
      fallbackDirectory: join(directory, 'fallback'),
      address,
      port,
      environment,
      log,
      onChange: () => this.#changed(),
    });
  }

  #drain(instance: GatewayInstance): void {
    this.#drained.push(instance);
    const drained = instance.stop(this.#written?.snapshot.drain.seconds ?? 1).finally(() => {
      this.#draining.delete(drained);
      this.#drained.splice(this.#drained.indexOf(instance), 1);
    });
    this.#draining.add(drained);
  }

  #changed(): void {
    void this.#acknowledge();
    this.#options.onChange();
  }

  /** What the process serves is what a restart falls back to, should the next content be refused. */
  async #acknowledge(): Promise<void> {
    const written = this.#written;
    const served = this.#instance?.report?.snapshot?.hash;
    if (written === undefined || served !== written.hash || this.#acknowledged === served) return;
    this.#acknowledged = served;
    try {
      const encoded = encodeSnapshot(written.snapshot, written.files, written.generation);
      await writeSlots(join(this.#options.directory, 'fallback'), encoded);
    } catch (error) {
      this.#options.log.warn({ error }, 'the last good snapshot could not be kept');
    }
  }
}

async function readWritten(directory: string): Promise<Written | undefined> {
  try {
    const decoded = decodeSnapshot(await readSlots(directory));
    return decoded.kind === 'ok' ? decoded : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
