// What is applied of a gateway's Deployment: how many replicas, and whether its pods may be rolled now.
import { createHash } from 'node:crypto';
import { FIELD_MANAGER } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/resource.ts';
import type { Replicas } from '../../translate/objects/replicas.ts';
import { hasOtherReplicasOwner } from './owned-objects.ts';

/** Of the pod template that was applied: tells a new one from drift. */
const TEMPLATE = 'sentrygateway.io/template-hash';
/** The generation of the SentryGateway that the template was applied for: tells a user's edit from a new operator. */
const GENERATION = 'sentrygateway.io/gateway-generation';
/** The template hash of a rollout for a new operator, so that the next run of the operator goes on counting it. */
const OPERATOR_ROLLOUT = 'sentrygateway.io/operator-rollout';
/** Who decides the number of pods: `Autoscaler`, or `Kept` for the number that an autoscaler left behind. */
const REPLICAS = 'sentrygateway.io/replicas';

export interface Deployment extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly template?: object };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

export interface DeploymentInput {
  /** As it was translated. */
  readonly wanted: Deployment;
  readonly live: Deployment | undefined;
  /** Generation of the SentryGateway. */
  readonly generation: number;
  readonly replicas: Replicas;
}

/** The Deployment to be applied over the live one. */
export function planDeployment(input: DeploymentInput): Deployment {
  const { wanted, live, generation, replicas } = input;
  const { replicas: _replicas, ...spec } = wanted.spec ?? {};
  const decision = decideReplicas(replicas, live);
  const hash = templateHash(wanted);
  const isRollout = isOperatorRollout(input) || live?.metadata.annotations?.[OPERATOR_ROLLOUT] === hash;
  return {
    ...wanted,
    metadata: {
      ...wanted.metadata,
      annotations: {
        ...wanted.metadata.annotations,
        [TEMPLATE]: hash,
        ...(isRollout && { [OPERATOR_ROLLOUT]: hash }),
        [GENERATION]: String(generation),
        ...(decision.mark !== undefined && { [REPLICAS]: decision.mark }),
      },
    },
    spec: { ...(decision.count !== undefined && { replicas: decision.count }), ...spec },
  };
}

/** True when applying it would replace the pods though nobody has edited the gateway: the operator or its image is another. */
export function isOperatorRollout({ wanted, live, generation }: DeploymentInput): boolean {
  if (live === undefined) return false;
  const annotations = live.metadata.annotations ?? {};
  if (annotations[TEMPLATE] === templateHash(wanted)) return false;
  return annotations[GENERATION] === undefined || annotations[GENERATION] === String(generation);
}

/** True when the pods are being replaced for a new operator, by this run of it or an earlier one. */
export function isRollingForOperator({ wanted, live }: DeploymentInput): boolean {
  if (live === undefined || isRolledOut(live)) return false;
  const annotations = live.metadata.annotations ?? {};
  const hash = templateHash(wanted);
  return annotations[OPERATOR_ROLLOUT] === hash && annotations[TEMPLATE] === hash;
}

/** True when every pod is of the present template and available, and none of an older one is left. */
export function isRolledOut({ metadata, spec, status = {} }: Deployment): boolean {
  const wanted = spec?.replicas ?? 1;
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  return (
    observedGeneration >= (metadata.generation ?? 0) &&
    updatedReplicas >= wanted &&
    replicas <= updatedReplicas &&
    availableReplicas >= updatedReplicas
  );
}

interface ReplicasDecision {
  /** Undefined: not ours to say. */
  readonly count: number | undefined;
  readonly mark: 'Autoscaler' | 'Kept' | undefined;
}

/**
 * An autoscaler's number is applied as it is until managedFields name its owner: dropping it earlier would reset it to 1. The
 * number that it leaves behind is kept until somebody says another.
 */
function decideReplicas(replicas: Replicas, live: Deployment | undefined): ReplicasDecision {
  const count = live?.spec?.replicas;
  if (replicas.decidedBy === 'Autoscaler') {
    const isTheirs = live !== undefined && hasOtherReplicasOwner(live, FIELD_MANAGER);
    // No autoscaler wakes what was scaled to nothing.
    const begun = count === undefined || count === 0 ? replicas.count : count;
    return { count: isTheirs ? undefined : begun, mark: 'Autoscaler' };
  }
  const isLeftBehind =
    replicas.decidedBy === 'Default' && live?.metadata.annotations?.[REPLICAS] !== undefined;
  return isLeftBehind && count !== undefined
    ? { count, mark: 'Kept' }
    : { count: replicas.count, mark: undefined };
}

function templateHash({ spec }: Deployment): string {
  return createHash('sha256')
    .update(JSON.stringify(spec?.template ?? {}))
    .digest('hex')
    .slice(0, 16);
}
