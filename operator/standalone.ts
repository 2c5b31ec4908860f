// Standalone mode: one machine runs the gateways of a directory.
//
//   provider/file ──▶ keys ──▶ translate ──▶ infra/host ──▶ gateway processes
//                                               │
//   DIR/.sentry/status ◀── status ◀─────────────┘ what they report
import { join } from 'node:path';
import type { Logger } from 'pino';
import { keyOf } from './api/meta.ts';
import { Host, type WantedGateway } from './infra/host/host.ts';
import { listenForMetrics } from './infra/host/metrics-listener.ts';
import { acquireLock } from './infra/host/process-lock.ts';
import { keysOfGateways } from './keys.ts';
import { FileKeyStore } from './pki/file-key-store.ts';
import { FileProvider } from './provider/file/file-provider.ts';
import { describeProblem } from './provider/describe-problem.ts';
import type { Problem, ProvidedResources } from './provider/types.ts';
import { StandaloneMetrics } from './standalone-metrics.ts';
import { type Seen, StandaloneStatus } from './standalone-status.ts';
import { judgeStartup } from './startup.ts';
import { lockPath, makeStateDirectory, STATE_DIRECTORY, statusDirectory } from './state-directory.ts';
import { translate } from './translate/translate.ts';
import type { Translation } from './translate/types.ts';
import { Trigger } from './trigger.ts';

export interface StandaloneOptions {
  /** Of the manifests; `.sentry` is made in it. */
  readonly directory: string;
  /** Where phones connect. */
  readonly address: string;
  /** Where /metrics, /healthz and /readyz are. */
  readonly metrics: { readonly host: string; readonly port: number };
  /** What the gateway processes inherit. */
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: { now(): Date };
  readonly log: Logger;
  /** Takes a line when a gateway serves. */
  readonly print: (line: string) => void;
  /** Aborted: drain everything and resolve. */
  readonly drain: AbortSignal;
  /** Aborted: do not wait for the drain. */
  readonly kill: AbortSignal;
}

/** Certificates are looked at this often at least, so that a clock that was set does no harm. */
const CHECK_EVERY_MS = 3_600_000;
const RETRY_AFTER_MS = 2_000;

/**
 * Runs until `drain` aborts; resolves with the exit code once every process has ended: 0, or 1 when `kill` cut the drain.
 * Rejects in words when nothing can be served at the start: no gateway, a port that is in use, another standalone process.
 */
export async function runStandalone(options: StandaloneOptions): Promise<number> {
  const { directory, address, environment, log, drain, kill } = options;
  const stateDirectory = await makeStateDirectory(directory);
  await using _lock = await acquireLock(lockPath(directory));
  const trigger = new Trigger();
  const onChange = () => trigger.fire();
  const host = await Host.open({ stateDirectory, address, environment, log, onChange }, drain);
  const metrics = new StandaloneMetrics(() => host.observe());
  const probe = host.probe.bind(host);
  await using listener = await listenForMetrics({ ...options.metrics, registry: metrics.registry, probe });
  log.info({ url: listener.url }, 'metrics and probes are served');
  const ended = new AbortController();
  const signal = AbortSignal.any([drain, ended.signal]);
  const loop = new Loop(options, { host, metrics, trigger });
  const provided = new FileProvider(directory).start(signal, (resources, problems) =>
    loop.provide(resources, problems),
  );
  kill.addEventListener('abort', () => host.kill());
  try {
    await Promise.all([provided, loop.run(signal)]);
  } finally {
    ended.abort();
    const seen = loop.seen();
    log.info('every gateway drains');
    await host.stop();
    await loop.leave(seen);
    await Promise.allSettled([provided]);
  }
  return kill.aborted ? 1 : 0;
}

interface Stages {
  readonly host: Host;
  readonly metrics: StandaloneMetrics;
  readonly trigger: Trigger;
}

/** Carries what the provider gives through the stages, one round at a time. */
class Loop {
  readonly #options: StandaloneOptions;
  readonly #stages: Stages;
  readonly #status: StandaloneStatus;
  readonly #keyStore: FileKeyStore;
  #resources: ProvidedResources | undefined;
  #problems: readonly Problem[] = [];
  #translation: Translation | undefined;
  #started = false;
  /** When to translate again at the latest, in milliseconds of the clock. */
  #due = 0;

  constructor(options: StandaloneOptions, stages: Stages) {
    this.#options = options;
    this.#stages = stages;
    this.#status = new StandaloneStatus(statusDirectory(options.directory), options);
    this.#keyStore = new FileKeyStore(join(options.directory, STATE_DIRECTORY));
  }

  /** Takes the state of the manifests; the next round works on it. */
  provide(resources: ProvidedResources, problems: readonly Problem[]): void {
    const known = new Set(this.#problems.map(describeProblem));
    const added = problems.filter((problem) => !known.has(describeProblem(problem)));
    for (const problem of added) {
      this.#options.log[problem.severity === 'Error' ? 'error' : 'warn'](describeProblem(problem));
    }
    this.#stages.metrics.manifestsRead(problems, added);
    this.#problems = problems;
    this.#resources = resources;
    this.#due = 0;
    this.#stages.trigger.fire();
  }

  /** Resolves when `signal` aborts. Rejects when nothing can be served at the start. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pause = this.#resources === undefined ? CHECK_EVERY_MS : this.#due - this.#now();
      if (pause > 0) await this.#stages.trigger.wait(pause, signal);
      if (signal.aborted || this.#resources === undefined) continue;
      if (this.#now() >= this.#due) await this.#attempt(this.#resources, signal);
      const seen = this.seen();
      if (seen === undefined) continue;
      await this.#status.write(seen);
      if (!this.#started) this.#judge(seen);
    }
  }

  /** Says in the status that nothing runs any more, where anything did: `seen` is from before. */
  async leave(seen: Seen | undefined): Promise<void> {
    if (seen !== undefined) await this.#status.leave(seen);
  }

  /** What a status is made of now; undefined before the first translation. */
  seen(): Seen | undefined {
    const resources = this.#resources;
    const translation = this.#translation;
    if (resources === undefined || translation === undefined) return undefined;
    return { resources, translation, observations: this.#stages.host.observe() };
  }

  /** Before anything was served a failure ends everything; later it is tried again. */
  async #attempt(resources: ProvidedResources, signal: AbortSignal): Promise<void> {
    try {
      await this.#reconcile(resources, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!this.#started) throw error;
      this.#options.log.error({ err: error }, 'the manifests could not be applied; it is tried again');
      this.#due = this.#now() + RETRY_AFTER_MS;
    }
  }

  async #reconcile(resources: ProvidedResources, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const { gateways } = resources;
    this.#due = this.#now() + CHECK_EVERY_MS;
    const { keys, changes, nextCheck } = await keysOfGateways(gateways, {
      store: this.#keyStore,
      clock,
      signal,
    });
    for (const [gateway, made] of changes) {
      for (const change of made) log.info({ gateway, ...change }, `made anew: ${change.subject}`);
    }
    if (nextCheck !== undefined) this.#due = Math.min(this.#due, nextCheck.getTime());
    const previous = await this.#stages.host.previous(gateways.map(({ metadata }) => keyOf(metadata)));
    const translation = translate(
      { ...resources, keys, previous, at: clock.now() },
      { image: '', target: 'Standalone' },
    );
    const { nextJudgement } = translation;
    if (nextJudgement !== undefined) this.#due = Math.min(this.#due, nextJudgement.getTime());
    await this.#stages.host.apply(
      this.#wanted(resources, translation),
      new Set(gateways.map(({ metadata }) => keyOf(metadata))),
    );
    this.#translation = translation;
  }

  #wanted({ gateways }: ProvidedResources, translation: Translation): WantedGateway[] {
    const ports = new Map(gateways.map(({ metadata, spec }) => [keyOf(metadata), spec.port]));
    return translation.gateways.flatMap(({ key, snapshot, files }) => {
      const port = ports.get(key);
      return port === undefined ? [] : [{ key, port, snapshot, files }];
    });
  }

  #judge({ translation, observations }: Seen): void {
    const wanted = new Set(translation.gateways.map(({ key }) => key));
    const started = observations.filter(({ key }) => wanted.has(key));
    const reasons = [...translation.gatewayStatuses].flatMap(([key, { conditions }]) =>
      conditions
        .filter(({ status }) => status === 'False')
        .map(({ message }) => `SentryGateway ${key}: ${message}`),
    );
    const errors = this.#problems.filter(({ severity }) => severity === 'Error').map(describeProblem);
    const verdict = judgeStartup(started, this.#status.programmed, [...errors, ...reasons]);
    if (verdict.state === 'Failed') throw new Error(verdict.message);
    this.#started = verdict.state === 'Serving';
  }

  #now(): number {
    return this.#options.clock.now().getTime();
  }
}
