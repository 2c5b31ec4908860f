// The command line of a gateway process.
import { parseArgs } from 'node:util';
import { type ListenAddress, parseAddress } from './address.ts';

export interface GatewayOptions {
  readonly snapshot: string;
  readonly fallback: string | undefined;
  /** Where phones connect. */
  readonly address: string;
  readonly port: number;
  readonly metrics: ListenAddress;
  readonly admin: ListenAddress;
  readonly stepOutFile: string | undefined;
}

export const USAGE = `Usage: node gateway/main.ts --snapshot DIR --address ADDRESS --port PORT --metrics ADDR --admin ADDR [options]

Serves phones as the snapshot in DIR says, and every change of it.

  --snapshot DIR        directory of the snapshot (the mounted volume)
  --fallback DIR        directory of the last snapshot that every gateway served, for a start while the current one is bad
  --address ADDRESS     address on which phones connect, for example 0.0.0.0
  --port PORT           its port, for example 8443
  --metrics ADDR        /metrics, /healthz and /readyz: HOST:PORT or unix:PATH
  --admin ADDR          /report: HOST:PORT (mutual TLS as in the snapshot) or unix:PATH
  --step-out-file FILE  JSON {"reason", "expires"}: while it holds, /readyz answers 503
  --help                this text

Exit codes: 0 drained after SIGTERM, 1 failed, 2 wrong usage, 3 an address is in use, 4 a port needs privileges.
`;

/** Thrown for a command line that cannot be followed; the message says what to change. */
export class UsageError extends Error {}

/**
 * Reads the command line; `help` when that is asked for.
 *
 * @throws UsageError
 */
export function readOptions(args: readonly string[]): GatewayOptions | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  return {
    snapshot: required(values.snapshot, '--snapshot'),
    fallback: values.fallback,
    address: required(values.address, '--address'),
    port: portOf(required(values.port, '--port')),
    metrics: addressOf(required(values.metrics, '--metrics'), '--metrics'),
    admin: addressOf(required(values.admin, '--admin'), '--admin'),
    stepOutFile: values['step-out-file'],
  };
}

function parse(args: readonly string[]) {
  const string = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        snapshot: string,
        fallback: string,
        address: string,
        port: string,
        metrics: string,
        admin: string,
        'step-out-file': string,
        help: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function required(value: string | undefined, flag: string): string {
  if (value === undefined || value === '') throw new UsageError(`${flag} is required`);
  return value;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`--port must be a number from 0 to 65535, not ${text}`);
  return port;
}

function addressOf(text: string, flag: string): ListenAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new UsageError(`${flag} must be HOST:PORT or unix:PATH, not ${text}`);
  return address;
}
