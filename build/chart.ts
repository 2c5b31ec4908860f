// Where the chart is, and Helm's rendering of it.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '..');

export const chartFolder = join(repository, 'charts/sentry-operator');

export interface Rendering {
  readonly release?: string;
  readonly namespace?: string;
  /** Further arguments of `helm template`, for example `--values FILE` or `--set replicas=1`. */
  readonly args?: readonly string[];
}

/** Path of the Helm that build/setup.sh has built. @throws Error when it has not */
export function helmPath(): string {
  const folder = execFileSync(join(repository, 'build/setup.sh'), ['helm-path'], { encoding: 'utf8' }).trim();
  const path = join(folder, 'helm');
  if (!existsSync(path))
    throw new Error(`no Helm in ${folder}: run build/setup.sh helm (three minutes, once per machine)`);
  return path;
}

/** The manifests, as YAML documents. @throws Error with what Helm says about the values */
export function renderChart({
  release = 'sentry-operator',
  namespace = 'sentry-system',
  args = [],
}: Rendering = {}): string {
  return execFileSync(helmPath(), ['template', release, chartFolder, '--namespace', namespace, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 16 << 20,
  });
}
