// The main thread's side of the probe worker: turns the heartbeat and answers what only this thread knows.
import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ListenAddress } from '../address.ts';
import type { FromMain, FromWorker, ProbeAnswer, ProbeQuestion, ProbeWorkerData } from './probe-messages.ts';

const HEARTBEAT_MS = 500;
/** A stuck event loop is told from a busy one by half a minute: nothing of ours takes a second. */
const SILENCE_MS = 30_000;

export interface ProbeOptions {
  readonly address: ListenAddress;
  readonly answer: (question: ProbeQuestion) => Promise<ProbeAnswer>;
  /** The worker died: nobody answers the kubelet any more. */
  readonly onDied: (error: Error) => void;
  readonly silenceMs?: number;
}

export interface Probes {
  /** The port that was bound, null for a Unix socket. */
  readonly port: number | null;
  close(): Promise<void>;
}

/**
 * Starts the worker and resolves when it listens.
 *
 * @throws Error with the system's code (`EADDRINUSE`, `EACCES` …) when the address cannot be bound.
 */
export async function startProbes({ address, answer, onDied, silenceMs }: ProbeOptions): Promise<Probes> {
  const heartbeat = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  const lastTurn = new BigInt64Array(heartbeat);
  const turn = (): void => {
    Atomics.store(lastTurn, 0, process.hrtime.bigint());
  };
  turn();
  const timer = setInterval(turn, HEARTBEAT_MS).unref();
  const worker = startWorker({ address, heartbeat, silenceMs: silenceMs ?? SILENCE_MS });
  const [first] = (await once(worker, 'message')) as [FromWorker];
  if (first.kind !== 'listening') {
    clearInterval(timer);
    await worker.terminate();
    const code = first.kind === 'failed' ? first.code : 'Error';
    throw Object.assign(new Error(`the metrics address cannot be bound (${code})`), { code });
  }
  worker.on('message', (message: FromWorker) => void reply(worker, message, answer));
  worker.on('error', onDied);
  return {
    port: first.port,
    close: async () => {
      clearInterval(timer);
      await worker.terminate();
    },
  };
}

/** Beside this file as a source, or beside the bundle as a bundle of its own. */
function startWorker(workerData: ProbeWorkerData): Worker {
  return new Worker(new URL(`./probe-worker${extname(import.meta.url)}`, import.meta.url), {
    name: 'probes',
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 },
  });
}

async function reply(worker: Worker, message: FromWorker, answer: ProbeOptions['answer']): Promise<void> {
  if (message.kind !== 'question') return;
  const { id, question } = message;
  const given = await answer(question).catch((): ProbeAnswer => ({
    status: 500,
    contentType: 'text/plain',
    body: 'the gateway could not answer\n',
  }));
  worker.postMessage({ ...given, id } satisfies FromMain, []);
}
