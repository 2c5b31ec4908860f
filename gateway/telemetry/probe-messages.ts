// What the main thread and the probe worker say to each other.
import type { ListenAddress } from '../address.ts';

/** What the worker starts with. */
export interface ProbeWorkerData {
  readonly address: ListenAddress;
  /** One BigInt64: `process.hrtime.bigint()` of the main loop's last turn, nanoseconds. */
  readonly heartbeat: SharedArrayBuffer;
  /** Silence of the main loop after which /healthz answers 503, in ms. */
  readonly silenceMs: number;
}

/** Asked of the main thread, because only it knows. */
export type ProbeQuestion = 'readyz' | 'metrics';

export interface ProbeAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export type FromWorker =
  | { readonly kind: 'listening'; readonly port: number | null }
  | { readonly kind: 'failed'; readonly code: string }
  | { readonly kind: 'question'; readonly id: number; readonly question: ProbeQuestion };

export interface FromMain extends ProbeAnswer {
  readonly id: number;
}
