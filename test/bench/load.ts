// Load by wrk, or by full TLS handshakes, pinned to the core that the proxy does not have.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LOAD_CORE } from './process.ts';

const run = promisify(execFile);

export interface Load {
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly bodyBytes: number;
  readonly connections: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
}

/** Of every request. */
export const AUTHORIZATION = `Basic ${Buffer.from('bench@example.com:bench').toString('base64')}`;
export const TARGET =
  '/Microsoft-Server-ActiveSync?Cmd=FolderSync&User=bench@example.com&DeviceId=bench1&DeviceType=bench';

/** Sends one load for some seconds. `errors` counts socket errors and answers other than 2xx. */
export async function applyLoad(
  load: Load,
  options: { port: number; seconds: number; directory: string },
): Promise<LoadResult> {
  const script = join(options.directory, `${load.name}.lua`);
  await writeFile(script, scriptOf(load));
  const url = `https://localhost:${options.port}${TARGET}`;
  const { stdout } = await run('taskset', [
    ...['--cpu-list', String(LOAD_CORE)],
    ...[
      'wrk',
      '-t1',
      `-c${load.connections}`,
      `-d${options.seconds}s`,
      '--timeout',
      '10s',
      '-s',
      script,
      url,
    ],
  ]);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const errors = failed + (socketErrors?.slice(1).reduce((sum, count) => sum + Number(count), 0) ?? 0);
  return { requests, errors };
}

/**
 * A new connection and a full TLS handshake for each request, `connections` at once. Not by wrk: that resumes the sessions which
 * a proxy lets it resume, all of nginx's and half of ours, and a resumed handshake has no signature.
 */
export async function applyHandshakes(options: {
  port: number;
  seconds: number;
  connections: number;
}): Promise<LoadResult> {
  const { port, seconds, connections } = options;
  const client = [process.execPath, join(import.meta.dirname, 'handshake-client.ts')];
  const { stdout } = await run('taskset', [
    ...['--cpu-list', String(LOAD_CORE), ...client],
    ...[port, seconds, connections].map(String),
  ]);
  return JSON.parse(stdout) as LoadResult;
}

function scriptOf(load: Load): string {
  return [
    `wrk.method = "${load.method}"`,
    ...(load.bodyBytes === 0 ? [] : [`wrk.body = string.rep("x", ${load.bodyBytes})`]),
    `wrk.headers["Content-Type"] = "application/vnd.ms-sync.wbxml"`,
    `wrk.headers["MS-ASProtocolVersion"] = "16.1"`,
    `wrk.headers["User-Agent"] = "Apple-iPhone15C2/2101.100"`,
    `wrk.headers["Authorization"] = "${AUTHORIZATION}"`,
  ].join('\n');
}
