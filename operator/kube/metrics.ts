// The operator's own metrics, under the names and labels of controller-runtime and client-go, so that dashboards fit.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ObservedRequest } from './connection.ts';

export type ReconcileResult = 'success' | 'error' | 'requeue' | 'requeue_after';

/** What a queue tells about its own work; times in seconds. */
export interface QueueMetrics {
  readonly added: () => void;
  readonly started: (waitedSeconds: number) => void;
  readonly finished: (result: ReconcileResult, seconds: number, isTerminal: boolean) => void;
  readonly retried: () => void;
  /** Looks at the queue whenever metrics are read. */
  readonly observe: (queue: QueueState) => void;
}

/** A queue as it is at this moment. */
export interface QueueState {
  readonly concurrency: number;
  readonly waiting: () => { readonly normal: number; readonly low: number };
  /** How long each worker has been at its key, in seconds. */
  readonly running: () => readonly number[];
}

const RECONCILE_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
const QUEUE_SECONDS = Array.from({ length: 12 }, (_, index) => Number(`1e${index - 8}`));
/** controller-runtime's number for what was there at the start. */
const LOW_PRIORITY = '-100';

/** Registers everything at once; one per process. */
export class KernelMetrics {
  /** For further metrics of the same process. */
  readonly registry: Registry;
  readonly #queues = new Map<string, QueueState>();
  readonly #requests: Counter<'code' | 'method' | 'host'>;
  readonly #leader: Gauge<'name'>;
  readonly #reconciles: Counter<'controller' | 'result'>;
  readonly #errors: Counter<'controller'>;
  readonly #terminalErrors: Counter<'controller'>;
  readonly #reconcileSeconds: Histogram<'controller'>;
  readonly #adds: Counter<'name' | 'controller'>;
  readonly #retries: Counter<'name' | 'controller'>;
  readonly #queueSeconds: Histogram<'name' | 'controller'>;
  readonly #workSeconds: Histogram<'name' | 'controller'>;

  constructor(registry: Registry) {
    this.registry = registry;
    const registers = [registry];
    const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
      new Counter({ name, help, labelNames, registers });
    const histogram = <Label extends string>(
      name: string,
      help: string,
      labelNames: Label[],
      buckets: number[],
    ): Histogram<Label> => new Histogram({ name, help, labelNames, buckets, registers });
    this.#requests = counter('rest_client_requests_total', 'Requests to the API server.', [
      'code',
      'method',
      'host',
    ]);
    this.#leader = new Gauge({
      name: 'leader_election_master_status',
      help: 'Whether this replica holds the lease (1) or not (0).',
      labelNames: ['name'],
      registers,
    });
    this.#reconciles = counter('controller_runtime_reconcile_total', 'Reconciles by result.', [
      'controller',
      'result',
    ]);
    this.#errors = counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.', [
      'controller',
    ]);
    this.#terminalErrors = counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Reconciles that failed so that trying again is of no use.',
      ['controller'],
    );
    this.#reconcileSeconds = histogram(
      'controller_runtime_reconcile_time_seconds',
      'How long a reconcile took.',
      ['controller'],
      RECONCILE_SECONDS,
    );
    this.#adds = counter('workqueue_adds_total', 'Keys added to the queue.', ['name', 'controller']);
    this.#retries = counter('workqueue_retries_total', 'Keys that were tried again.', ['name', 'controller']);
    this.#queueSeconds = histogram(
      'workqueue_queue_duration_seconds',
      'How long a key waited before its reconcile.',
      ['name', 'controller'],
      QUEUE_SECONDS,
    );
    this.#workSeconds = histogram(
      'workqueue_work_duration_seconds',
      'How long the work on a key took.',
      ['name', 'controller'],
      QUEUE_SECONDS,
    );
    this.#registerStates(registry);
  }

  /** For KubeClient's `onRequest`. */
  requested({ host, method, status }: ObservedRequest): void {
    this.#requests.inc({ code: status === 0 ? '<error>' : String(status), method, host });
  }

  leads(lease: string, leads: boolean): void {
    this.#leader.set({ name: lease }, leads ? 1 : 0);
  }

  /** The metrics of one queue, which is told apart by its controller's name. */
  queue(controller: string): QueueMetrics {
    const labels = { name: controller, controller };
    for (const result of ['success', 'error', 'requeue', 'requeue_after']) {
      this.#reconciles.inc({ controller, result }, 0);
    }
    this.#errors.inc({ controller }, 0);
    this.#terminalErrors.inc({ controller }, 0);
    this.#adds.inc(labels, 0);
    this.#retries.inc(labels, 0);
    return {
      added: () => this.#adds.inc(labels),
      started: (seconds) => this.#queueSeconds.observe(labels, seconds),
      finished: (result, seconds, isTerminal) => {
        this.#reconciles.inc({ controller, result });
        if (result === 'error') this.#errors.inc({ controller });
        if (isTerminal) this.#terminalErrors.inc({ controller });
        this.#reconcileSeconds.observe({ controller }, seconds);
        this.#workSeconds.observe(labels, seconds);
      },
      retried: () => this.#retries.inc(labels),
      observe: (state) => this.#queues.set(controller, state),
    };
  }

  #registerStates(registry: Registry): void {
    const queues = this.#queues;
    const gauge = <Label extends string>(
      name: string,
      help: string,
      labelNames: Label[],
      read: (gauge: Gauge<Label>, controller: string, state: QueueState) => void,
    ): void => {
      const states = new Gauge<Label>({
        name,
        help,
        labelNames,
        registers: [],
        collect() {
          for (const [controller, state] of queues) read(this, controller, state);
        },
      });
      registry.registerMetric(states);
    };
    gauge('workqueue_depth', 'Keys that wait.', ['name', 'controller', 'priority'], (gauge, name, state) => {
      const { normal, low } = state.waiting();
      gauge.set({ name, controller: name, priority: '0' }, normal);
      gauge.set({ name, controller: name, priority: LOW_PRIORITY }, low);
    });
    gauge(
      'workqueue_unfinished_work_seconds',
      'How long all reconciles that run now have been running, together.',
      ['name', 'controller'],
      (gauge, name, state) =>
        gauge.set(
          { name, controller: name },
          state.running().reduce((sum, seconds) => sum + seconds, 0),
        ),
    );
    gauge(
      'workqueue_longest_running_processor_seconds',
      'How long the longest reconcile that runs now has been running.',
      ['name', 'controller'],
      (gauge, name, state) => gauge.set({ name, controller: name }, Math.max(0, ...state.running())),
    );
    gauge(
      'controller_runtime_active_workers',
      'Reconciles that run now.',
      ['controller'],
      (gauge, controller, state) => gauge.set({ controller }, state.running().length),
    );
    gauge(
      'controller_runtime_max_concurrent_reconciles',
      'How many reconciles may run at once.',
      ['controller'],
      (gauge, controller, state) => gauge.set({ controller }, state.concurrency),
    );
  }
}
