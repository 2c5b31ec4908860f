// What a log line says about the reconcile that it comes from, without handing a logger through every call.
import { AsyncLocalStorage } from 'node:async_hooks';

export interface ReconcileContext {
  readonly controller: string;
  readonly key: string;
  /** Of one reconcile of one key. */
  readonly reconcileID: string;
}

const storage = new AsyncLocalStorage<ReconcileContext>();

/** Runs the work so that `reconcileContext` knows it, in everything that it awaits. */
export function inReconcile<Result>(context: ReconcileContext, work: () => Result): Result {
  return storage.run(context, work);
}

/** The reconcile that is running here; empty outside of one. For pino's `mixin`. */
export function reconcileContext(): ReconcileContext | Record<string, never> {
  return storage.getStore() ?? {};
}
