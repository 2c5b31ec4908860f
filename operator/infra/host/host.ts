// Runs gateways as child processes of this machine: one each, whatever `replicas` says.
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Key, SnapshotWithFiles } from '../../translate/types.ts';
import { type GatewayObservation, HostedGateway } from './hosted-gateway.ts';
import { jemallocEnvironment } from './jemalloc.ts';
import { endLeftovers } from './leftovers.ts';

export interface HostOptions {
  /** Everything that is kept between runs: `<namespace>/<name>/` for each gateway. */
  readonly stateDirectory: string;
  /** Where phones connect: an address of this machine. */
  readonly address: string;
  /** What the processes inherit. */
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** Called whenever an observation may have changed. */
  readonly onChange: () => void;
}

/** A gateway that can be served, and where. */
export interface WantedGateway extends SnapshotWithFiles {
  readonly key: Key;
  readonly port: number;
}

/** The answer of one gateway to GET /metrics, /healthz or /readyz; status 0 when it gave none. */
export interface ProbeAnswer {
  readonly key: Key;
  readonly status: number;
  readonly text: string;
}

export class Host {
  readonly #options: HostOptions;
  readonly #gateways = new Map<Key, HostedGateway>();
  /** Of gateways that are gone, until they have ended. */
  readonly #leaving = new Map<HostedGateway, Promise<void>>();

  private constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Clears up after an earlier run that was killed; nothing is started yet. */
  static async open(options: HostOptions, signal: AbortSignal): Promise<Host> {
    const stateDirectory = resolve(options.stateDirectory);
    const left = await endLeftovers(stateDirectory, signal);
    if (left.length > 0) {
      options.log.warn(
        { processes: left },
        'gateway processes of an earlier run still finish their requests',
      );
    }
    const jemalloc = jemallocEnvironment(options.environment);
    if (Object.keys(jemalloc).length === 0) {
      options.log.info(
        'jemalloc was not found: gateways need more memory (Debian: apt install libjemalloc2)',
      );
    }
    return new Host({ ...options, stateDirectory, environment: { ...options.environment, ...jemalloc } });
  }

  /** What each of these gateways was given last, also by an earlier run. */
  async previous(keys: readonly Key[]): Promise<Map<Key, SnapshotWithFiles>> {
    const previous = new Map<Key, SnapshotWithFiles>();
    for (const key of keys) {
      const given = (await this.#gateway(key)).previous;
      if (given !== undefined) previous.set(key, given);
    }
    return previous;
  }

  /**
   * Serves `wanted`. Gateways in `present` that are not wanted stay as they are: they exist and cannot be served anew.
   * All others leave. Resolves when everything is written and started; what came of it is observed. Not re-entrant.
   */
  async apply(wanted: readonly WantedGateway[], present: ReadonlySet<Key>): Promise<void> {
    for (const [key, gateway] of this.#gateways) {
      if (!present.has(key)) await this.#leave(key, gateway);
    }
    for (const { key, port, snapshot, files } of wanted) {
      const gateway = await this.#gateway(key);
      await gateway.serve({ snapshot, files }, port);
    }
  }

  observe(): GatewayObservation[] {
    return [...this.#gateways.values()].map((gateway) => gateway.observe());
  }

  /** Asks every process at once. Never rejects. */
  async probe(path: '/metrics' | '/healthz' | '/readyz', signal: AbortSignal): Promise<ProbeAnswer[]> {
    const running = [...this.#gateways].flatMap(([key, { instance }]) =>
      instance ? [{ key, instance }] : [],
    );
    return await Promise.all(
      running.map(async ({ key, instance }) => {
        try {
          const { status, text } = await instance.probe(path, signal);
          return { key, status, text };
        } catch (error) {
          return { key, status: 0, text: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
  }

  /** Drains every process and resolves when all have ended. */
  async stop(): Promise<void> {
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.stop()));
    await Promise.all(this.#leaving.values());
  }

  /** Ends every process at once. `stop` must have been called. */
  kill(): void {
    for (const gateway of [...this.#gateways.values(), ...this.#leaving.keys()]) gateway.kill();
  }

  async #gateway(key: Key): Promise<HostedGateway> {
    const known = this.#gateways.get(key);
    if (known !== undefined) return known;
    const { stateDirectory, address, environment, log, onChange } = this.#options;
    const gateway = await HostedGateway.open({
      key,
      directory: join(stateDirectory, key),
      address,
      environment,
      log: log.child({ gateway: key }),
      onChange,
    });
    this.#gateways.set(key, gateway);
    return gateway;
  }

  async #leave(key: Key, gateway: HostedGateway): Promise<void> {
    this.#gateways.delete(key);
    this.#options.log.info({ gateway: key }, 'the gateway was removed: its process drains');
    const left = gateway.stop().finally(() => this.#leaving.delete(gateway));
    this.#leaving.set(gateway, left);
    await gateway.forget();
  }
}
