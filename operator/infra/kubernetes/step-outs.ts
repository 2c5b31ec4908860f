// Tells pods to step out of the endpoints and lets them back, by an annotation: watches nothing, patches pods, writes events.
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { recordEvent } from '../../kube/event-recorder.ts';
import { type OwnerReference, resourceTypes } from '../../kube/resource.ts';
import { decideStepOut, type StepOutAction } from '../../step-out/decide.ts';
import type { Order, PodMemory, StepOutMemory } from '../../step-out/pod.ts';
import { STEP_OUT_ANNOTATION } from '../../translate/objects/deployment.ts';
import type { Key } from '../../translate/types.ts';
import { type SteppingPod, toAnnotation, viewOf } from './step-out-view.ts';

/** Reasons of the events on a SentryGateway. */
export const stepOutEventReasons = {
  /** A pod is out of the endpoints, because it does not reach Exchange servers that its siblings reach. */
  StepOut: 'PodSteppedOut',
  /** The pod is back. */
  LetBack: 'PodLetBack',
} as const;

export interface StepOutsOptions {
  readonly client: KubeClient;
  readonly log: Logger;
  /** Ms since 1970. */
  readonly now: () => number;
  /** Where `sentry_operator_stepped_out_pods` is to be registered. */
  readonly registry?: Registry | undefined;
  /** Ms of a clock that never jumps; default the process's. */
  readonly elapsedMs?: () => number;
}

export interface SteppingGateway {
  readonly key: Key;
  readonly namespace: string;
  readonly name: string;
  readonly owner: OwnerReference;
}

/** A pod that is told to be out, and why. */
export interface SteppedOutPod {
  readonly name: string;
  readonly reason: string;
}

export class StepOuts {
  readonly #options: StepOutsOptions;
  readonly #elapsedMs: () => number;
  readonly #gauge: Gauge<'gateway'> | undefined;
  readonly #memories = new Map<Key, StepOutMemory>();

  constructor(options: StepOutsOptions) {
    this.#options = options;
    this.#elapsedMs = options.elapsedMs ?? (() => performance.now());
    this.#gauge = options.registry && gaugeIn(options.registry);
  }

  /**
   * Decides anew after a look at the pods (all that are not ending), and tells those that it concerns.
   * @param wanted how many pods there are to be, where that is known
   * @returns whether to look again soon
   * @throws ApiError when a pod could not be told: the next look tries again
   */
  async follow(
    gateway: SteppingGateway,
    pods: readonly SteppingPod[],
    wanted: number | undefined,
  ): Promise<{ readonly unsettled: boolean }> {
    const operatorMs = this.#options.now();
    const before = this.#memories.get(gateway.key) ?? new Map<string, PodMemory>();
    const { actions, memory, unsettled } = decideStepOut({
      pods: pods.map((pod) => viewOf(pod, operatorMs)),
      wanted,
      memory: before,
      nowMs: this.#elapsedMs(),
    });
    const remembered = new Map(memory);
    this.#memories.set(gateway.key, remembered);
    const failures: unknown[] = [];
    const tell = async (action: StepOutAction, pod: PodMemory | undefined): Promise<void> => {
      try {
        await this.#tell(gateway, action);
      } catch (error) {
        failures.push(error);
        if (pod !== undefined) remembered.set(action.pod, { ...pod, order: before.get(action.pod)?.order });
      }
    };
    await Promise.all(actions.map((action) => tell(action, memory.get(action.pod))));
    this.#gauge?.set({ gateway: gateway.key }, this.outOf(gateway.key).length);
    if (failures.length > 0) throw failures[0];
    return { unsettled };
  }

  /** The pods of a gateway that are out, in the order of their names. */
  outOf(gateway: Key): SteppedOutPod[] {
    return [...(this.#memories.get(gateway) ?? [])].flatMap(([name, { order }]) =>
      order === undefined ? [] : [{ name, reason: order.reason }],
    );
  }

  forget(gateway: Key): void {
    this.#memories.delete(gateway);
    this.#gauge?.remove({ gateway });
  }

  async #tell(gateway: SteppingGateway, action: StepOutAction): Promise<void> {
    const { log } = this.#options;
    const order = action.kind === 'LetBack' ? undefined : action.order;
    await this.#annotate({ namespace: gateway.namespace, name: action.pod }, order);
    if (action.kind === 'Renew') return;
    const reason = order?.reason;
    log.info(
      { gateway: gateway.key, pod: action.pod, reason },
      order ? 'a pod steps out' : 'a pod is let back',
    );
    await recordEvent(this.#options.client, regarding(gateway), eventOf(action), {
      now: () => new Date(this.#options.now()),
      instance: hostname(),
      onError: (error) => log.warn({ err: error }, 'an event could not be written'),
    });
  }

  async #annotate(pod: { namespace: string; name: string }, order: Order | undefined): Promise<void> {
    const annotations = { [STEP_OUT_ANNOTATION]: order === undefined ? null : toAnnotation(order) };
    try {
      await this.#options.client.mergePatch(resourceTypes.pod, pod, { metadata: { annotations } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function gaugeIn(registry: Registry): Gauge<'gateway'> {
  return new Gauge({
    name: 'sentry_operator_stepped_out_pods',
    help: 'Pods of a gateway that are told to take no new phones.',
    labelNames: ['gateway'],
    registers: [registry],
  });
}

function regarding({ namespace, name, owner: { apiVersion, kind, uid } }: SteppingGateway) {
  return { apiVersion, kind, metadata: { namespace, name, uid } };
}

function eventOf(action: Exclude<StepOutAction, { kind: 'Renew' }>) {
  if (action.kind === 'LetBack') {
    const message = `pod ${action.pod} takes phones again`;
    return { type: 'Normal', reason: stepOutEventReasons.LetBack, message } as const;
  }
  const message = `pod ${action.pod} gets no new phones: ${action.order.reason}`;
  return { type: 'Warning', reason: stepOutEventReasons.StepOut, message } as const;
}
