// What the peers' command lines have in common: options, help, exit codes, running until a signal.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** Wrong usage: the message and the help are printed, and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface CommandLine<Options extends ParseArgsOptionsConfig> {
  readonly help: string;
  readonly options: Options;
  /** Gets the options' values and returns the exit code. */
  readonly run: (values: OptionValues<Options>) => Promise<number>;
}

type OptionValues<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; strict: true; allowPositionals: false }>
>['values'];

/** Runs a command line and sets the exit code: 0, 1 for a failure, 2 for wrong usage. `--help` is understood. */
export async function runCommandLine<const Options extends ParseArgsOptionsConfig>(
  { help, options, run }: CommandLine<Options>,
  args: readonly string[],
): Promise<void> {
  try {
    if (args.includes('--help')) {
      process.stdout.write(help);
      return;
    }
    process.exitCode = await run(parse(args, options));
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${help}`);
      process.exitCode = 2;
    } else {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  }
}

function parse<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
): OptionValues<Options> {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** Resolves at SIGINT or SIGTERM, or after that many seconds. */
export async function untilSignal(seconds?: number): Promise<void> {
  const ended = new AbortController();
  const { signal } = ended;
  const waits: Promise<unknown>[] = [
    once(process, 'SIGINT', { signal }),
    once(process, 'SIGTERM', { signal }),
  ];
  if (seconds !== undefined) waits.push(sleep(seconds * 1000, undefined, { signal }));
  await Promise.race(waits);
  ended.abort();
  await Promise.allSettled(waits);
}

/**
 * A whole number from an option.
 *
 * @throws {UsageError} when it is none, or lower than `least`
 */
export function wholeNumber(name: string, value: string, least = 0): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least) return number;
  throw new UsageError(`--${name} must be a whole number of at least ${least}, not ${value}`);
}

/** `name:password` or `name` of an option. */
export function userOf(value: string): { name: string; password?: string } {
  const at = value.indexOf(':');
  if (at === 0 || value === '') throw new UsageError(`--user must be NAME or NAME:PASSWORD, not ${value}`);
  return at < 0 ? { name: value } : { name: value.slice(0, at), password: value.slice(at + 1) };
}
