// `sentry standalone DIR`: runs the gateways of a directory until it is told to stop.
import { pino } from 'pino';
import { runStandalone } from '../operator/standalone.ts';
import type { Endpoint } from './arguments.ts';
import { checkDirectory } from './directory.ts';

export interface StandaloneCommand {
  readonly directory: string;
  readonly address: string;
  readonly metrics: Endpoint;
}

/**
 * Resolves with 0 when SIGTERM or SIGINT drained everything, with 1 when nothing can be served; a second signal does not
 * wait for the drain and ends with 1.
 */
export async function standalone({ directory, address, metrics }: StandaloneCommand): Promise<number> {
  await checkDirectory(directory);
  const logDestination = pino.destination(2);
  // Whoever read our output may go away: the gateways serve on.
  process.stdout.on('error', ignore);
  logDestination.on('error', ignore);
  const drain = new AbortController();
  const kill = new AbortController();
  const stop = () => (drain.signal.aborted ? kill : drain).abort();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    return await runStandalone({
      directory,
      address,
      metrics,
      environment: process.env,
      clock: { now: () => new Date() },
      log: pino({ timestamp: pino.stdTimeFunctions.isoTime }, logDestination),
      print: (line) => process.stdout.write(`${line}\n`),
      drain: drain.signal,
      kill: kill.signal,
    });
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  }
}

function ignore(): void {}
