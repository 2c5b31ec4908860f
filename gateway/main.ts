// The gateway's process: command line, signals, exit codes. What it does is in gateway.ts.
import { Gateway, GatewayStartError } from './gateway.ts';
import { type GatewayOptions, readOptions, USAGE, UsageError } from './options.ts';

const EXIT = { failed: 1, usage: 2, inUse: 3, forbidden: 4 } as const;

function optionsOrExit(): GatewayOptions {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options !== 'help') return options;
    process.stdout.write(USAGE);
    return process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`sentry-gateway: ${error.message}\n\n${USAGE}`);
    return process.exit(EXIT.usage);
  }
}

/** Aborted by SIGTERM and SIGINT, and when the process that forked this one is gone. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  process.on('SIGTERM', abort);
  process.on('SIGINT', abort);
  process.on('disconnect', abort);
  return stop.signal;
}

function exitCodeOf(error: unknown): number {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return EXIT.inUse;
  return code === 'EACCES' ? EXIT.forbidden : EXIT.failed;
}

const options = optionsOrExit();
try {
  await new Gateway(options).run(stopSignal());
  process.exit(0);
} catch (error) {
  if (!(error instanceof GatewayStartError)) throw error;
  process.stderr.write(`sentry-gateway: ${error.message}\n`);
  process.exit(exitCodeOf(error));
}
