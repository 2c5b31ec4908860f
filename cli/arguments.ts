// The command line as a value: which verb with which options, or why it is wrong.
import { parseArgs } from 'node:util';
import { UsageError } from './usage.ts';

/** Where a listener binds. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export type Command =
  | { readonly verb: 'help' | 'version' }
  | {
      readonly verb: 'standalone';
      readonly directory: string;
      readonly address: string;
      readonly metrics: Endpoint;
    }
  | { readonly verb: 'status'; readonly directory: string; readonly output: 'table' | 'yaml' | 'json' }
  | { readonly verb: 'validate'; readonly directory: string }
  | { readonly verb: 'translate'; readonly directory: string; readonly target: 'Cluster' | 'Standalone' };

const options = {
  address: { type: 'string' },
  'metrics-address': { type: 'string' },
  output: { type: 'string', short: 'o' },
  target: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

/** The options that each verb takes. */
const taken: Readonly<Record<string, readonly string[]>> = {
  standalone: ['address', 'metrics-address'],
  status: ['output'],
  validate: [],
  translate: ['target'],
};

/** Reads the arguments after the command's name. @throws UsageError */
export function parseCommand(argv: readonly string[]): Command {
  const { values, positionals } = parse(argv);
  if (values.help === true) return { verb: 'help' };
  if (values.version === true) return { verb: 'version' };
  const [verb, directory, ...rest] = positionals;
  if (verb === undefined) throw new UsageError('a command is missing');
  if (verb === 'help') return { verb: 'help' };
  const allowed = Object.hasOwn(taken, verb) ? taken[verb] : undefined;
  if (allowed === undefined) throw new UsageError(`there is no command "${verb}"`);
  const foreign = Object.keys(values).find((name) => !allowed.includes(name));
  if (foreign !== undefined) throw new UsageError(`${verb} takes no option --${foreign}`);
  if (directory === undefined || directory === '') throw new UsageError(`${verb} needs a directory`);
  if (rest.length > 0) throw new UsageError(`${verb} takes one directory, and "${rest[0]}" is a second`);
  return commandOf(verb, directory, values);
}

type Values = ReturnType<typeof parse>['values'];

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function commandOf(verb: string, directory: string, values: Values): Command {
  switch (verb) {
    case 'standalone': {
      const address = values.address ?? '127.0.0.1';
      if (!/^[^\s/]+$/.test(address) || /^[^:]*:\d*$/.test(address)) {
        throw new UsageError(`--address ${address}: give an IP address or a host name without a port`);
      }
      const metrics = parseEndpoint(values['metrics-address'] ?? '127.0.0.1:9090');
      return { verb, directory, address: unbracket(address), metrics };
    }
    case 'status':
      return {
        verb,
        directory,
        output: oneOf('--output', values.output ?? 'table', ['table', 'yaml', 'json']),
      };
    case 'translate': {
      const target = oneOf('--target', values.target ?? 'cluster', ['cluster', 'standalone']);
      return { verb, directory, target: target === 'cluster' ? 'Cluster' : 'Standalone' };
    }
    default:
      return { verb: 'validate', directory };
  }
}

function oneOf<const T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new UsageError(`${option} ${value}: use one of ${allowed.join(', ')}`);
  return found;
}

function parseEndpoint(text: string): Endpoint {
  const [, host = '', port = ''] = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) > 65_535) {
    throw new UsageError(`--metrics-address ${text}: give host:port, such as 127.0.0.1:9090`);
  }
  return { host: unbracket(host), port: Number(port) };
}

function unbracket(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
