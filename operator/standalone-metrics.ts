// The metrics of the standalone process itself; those of the gateways come from their own processes.
import { Counter, Gauge, Registry } from 'prom-client';
import type { GatewayObservation } from './infra/host/hosted-gateway.ts';
import type { Problem } from './provider/types.ts';

export class StandaloneMetrics {
  readonly registry = new Registry();
  readonly #problems: Gauge<'severity'>;
  readonly #refused: Counter;

  constructor(observe: () => readonly GatewayObservation[]) {
    const registers = [this.registry];
    this.#problems = new Gauge({
      name: 'sentry_manifest_problems',
      help: 'Problems of the manifests as they are now.',
      labelNames: ['severity'],
      registers,
    });
    this.#refused = new Counter({
      name: 'sentry_manifests_refused_total',
      help: 'Problems for which an object of the manifests was refused.',
      registers,
    });
    const up = new Gauge({
      name: 'sentry_gateway_up',
      help: 'Whether the process of the gateway runs and reports.',
      labelNames: ['gateway'],
      registers: [],
      collect() {
        this.reset();
        for (const { key, report } of observe()) this.set({ gateway: key }, report === undefined ? 0 : 1);
      },
    });
    const restarts = new Gauge({
      name: 'sentry_gateway_restarts',
      help: 'How often the process of the gateway was started in place of one that died.',
      labelNames: ['gateway'],
      registers: [],
      collect() {
        this.reset();
        for (const { key, restarts } of observe()) this.set({ gateway: key }, restarts);
      },
    });
    for (const gauge of [up, restarts]) this.registry.registerMetric(gauge);
  }

  /** To be called with all problems of the manifests, and those of them that are new. */
  manifestsRead(problems: readonly Problem[], added: readonly Problem[]): void {
    for (const severity of ['Error', 'Warning'] as const) {
      this.#problems.set({ severity }, problems.filter((problem) => problem.severity === severity).length);
    }
    this.#refused.inc(added.filter(({ severity }) => severity === 'Error').length);
  }
}
