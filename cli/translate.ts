// `sentry translate DIR`: what would be made of the manifests, as YAML.
import { stringify } from 'yaml';
import type { KubernetesObject } from '../operator/api/meta.ts';
import { preview } from '../operator/preview.ts';
import { describeProblem } from '../operator/provider/describe-problem.ts';
import type { TranslatedGateway } from '../operator/translate/types.ts';
import { checkDirectory } from './directory.ts';

const REDACTED = '<redacted>';

/**
 * Prints a document for each gateway (its snapshot and the files that the snapshot names), then one for each object that
 * a cluster would get. Private keys and other secrets are redacted. Problems go to stderr; 1 when one is an error.
 */
export async function translate(command: {
  readonly directory: string;
  readonly target: 'Cluster' | 'Standalone';
}): Promise<number> {
  const { directory, target } = command;
  await checkDirectory(directory);
  const { translation, problems } = await preview(directory, {
    translate: { image: 'sentry-gateway', target },
    clock: { now: () => new Date() },
    signal: AbortSignal.timeout(60_000),
  });
  for (const problem of problems) process.stderr.write(`${describeProblem(problem)}\n`);
  process.stdout.write(printGateways(translation.gateways));
  process.stdout.write(printDocuments([...translation.certificates.values()].flat()));
  return problems.some(({ severity }) => severity === 'Error') ? 1 : 0;
}

/** The YAML documents of translated gateways, without a secret. */
export function printGateways(gateways: readonly TranslatedGateway[]): string {
  return printDocuments(
    gateways.flatMap((gateway) => [describe(gateway), ...gateway.objects.map(redactObject)]),
  );
}

function printDocuments(documents: readonly object[]): string {
  return documents
    .map((document) => `---\n${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`)
    .join('');
}

function describe({ key, snapshot, files }: TranslatedGateway): object {
  const texts = [...files].map(([name, content]) => [name, redactFile(name, content)]);
  return { gateway: key, snapshot, files: Object.fromEntries(texts) };
}

/** Certificates are public; whatever is not made of certificates alone is not shown. */
function redactFile(name: string, content: Buffer): string {
  const text = content.toString('utf8');
  const rest = text.replaceAll(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g, '');
  return !name.endsWith('.key') && rest.trim() === '' ? text : REDACTED;
}

function redactObject(object: KubernetesObject): KubernetesObject {
  if (object.kind !== 'Secret') return object;
  const { data, stringData, ...rest } = object;
  return {
    ...rest,
    ...(data !== undefined && { data: hide(data) }),
    ...(stringData !== undefined && { stringData: hide(stringData) }),
  };
}

function hide(values: unknown): object {
  return Object.fromEntries(Object.keys((values as object | null) ?? {}).map((key) => [key, REDACTED]));
}
