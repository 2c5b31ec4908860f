// Every type and reason of a condition, and how conditions are merged.
import type { Condition } from './meta.ts';

/** Reasons by condition type: the first of each list is that of status True. */
export const conditionReasons = {
  Accepted: {
    Accepted: 'The resource is served, or will be as soon as its references resolve.',
    Invalid: 'The resource breaks a rule that the API server could not check; the message names the field.',
    ListenerConflict: 'Two listeners claim the same host name.',
    NoMatchingParent: 'No SentryGateway, or no listener of it, has the name that gatewayRefs gives.',
    NotAllowedByListeners: 'The SentryGateway does not allow routes of this namespace (allowedRoutes).',
    Conflicted: 'Older routes of the same specificity hold every value of this match.',
    PortUnavailable: 'The port is in use or needs privileges (standalone).',
  },
  ResolvedRefs: {
    ResolvedRefs: 'Every reference resolves.',
    RefNotFound: 'A Secret or ConfigMap, or a key of it, does not exist.',
    InvalidCertificate:
      'A certificate, its key or a CA bundle cannot be used; the message says which and why.',
    CertificatePending:
      "The certificate has not been issued yet, by cert-manager or by the operator's own CA.",
    CertificateExpired: 'A certificate has expired; the message says what is served instead.',
    CertificateNotYetValid:
      'A certificate is not valid yet; the message says from when on, and what is served instead.',
    CertManagerNotInstalled:
      'issuerRef needs cert-manager, whose resources this cluster does not have (or there is no cluster: standalone).',
    IssuerNotFound: 'The issuer that issuerRef names does not exist.',
    IssuerNotReady: 'The issuer that issuerRef names cannot issue; the message is its own.',
    ForeignObject: 'A Certificate of the name that the operator needs belongs to someone else.',
  },
  Programmed: {
    Programmed: 'Every ready gateway process serves this generation.',
    Pending: 'A gateway process does not serve this generation yet.',
    NoReadyGateway: 'No gateway process is ready.',
    Refused: 'A gateway process refused the snapshot; the last good one serves.',
    SnapshotTooLarge:
      'The configuration does not fit the snapshot slots: split the routes over several gateways.',
    ForeignObject: 'An object of a name that the operator needs belongs to someone else.',
    ObjectRefused:
      'The API server refused an object that the operator makes; the message names it and says why.',
    NotAccepted: 'The resource is not accepted, so that nothing of it is served.',
    NotRunning: 'Nothing runs here (standalone).',
  },
  Ready: {
    Ready: 'Accepted, resolved and served.',
    NotReady: 'Another condition is not True; the message names it.',
    AddressPending:
      'Everything is served, but the load balancer has given no address yet. Five minutes are waited for one, only where the Service has a class of load balancers or the finalizer of their controller, and only before a gateway is ready for the first time.',
  },
  Conflicted: {
    OverlappingMatch: 'An older route of the same specificity holds the values that the message names.',
    NoConflict: 'No value is held by another route.',
  },
  SteppedOut: {
    CannotReachServers:
      'Pods that do not reach Exchange servers that their siblings reach get no new phones; the message names them.',
    AllIn: 'No pod is told to step out.',
  },
} as const;

/** A condition as a stage decides it, before it is merged with what stood there. */
export interface ConditionUpdate {
  readonly type: string;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number | undefined;
}

/**
 * Merges by type: foreign types stay, `lastTransitionTime` moves only with the status, and an update for an older
 * generation than what stands there is dropped.
 */
export function mergeConditions(
  existing: readonly Condition[],
  updates: readonly ConditionUpdate[],
  now: Date,
): Condition[] {
  const merged = new Map(existing.map((condition) => [condition.type, condition]));
  for (const update of updates) {
    const before = merged.get(update.type);
    if ((before?.observedGeneration ?? 0) > (update.observedGeneration ?? Number.POSITIVE_INFINITY)) continue;
    merged.set(update.type, {
      type: update.type,
      status: update.status,
      ...(update.observedGeneration === undefined ? {} : { observedGeneration: update.observedGeneration }),
      lastTransitionTime:
        before?.status === update.status
          ? before.lastTransitionTime
          : now.toISOString().replace(/\.\d+Z$/, 'Z'),
      reason: update.reason,
      message: update.message,
    });
  }
  return [...merged.values()];
}
