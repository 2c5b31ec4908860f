// Writes a translation as YAML in which every certificate, key and file name is replaced by what it is.
import { stringify } from 'yaml';
import type { Translation } from '../../operator/translate/types.ts';
import type { GoldenCredentials } from './credentials.ts';

/** The same text for the same translation, whatever keys this run has made. Never holds a key or certificate. */
export function printTranslation(translation: Translation, credentials: GoldenCredentials): string {
  const names = new Map<string, string>();
  for (const { files } of translation.gateways) {
    for (const [name, content] of files) names.set(name, placeholder(name, credentials.describe(content)));
  }
  const requests = [...translation.certificates].filter(([, certificates]) => certificates.length > 0);
  const readable = {
    ...(translation.nextJudgement && { nextJudgement: translation.nextJudgement.toISOString() }),
    ...(requests.length > 0 && { certificates: Object.fromEntries(requests) }),
    gateways: Object.fromEntries(
      translation.gateways.map(({ key, snapshot, files, objects }) => [
        key,
        { snapshot, files: [...files.keys()].map((name) => names.get(name) ?? name).toSorted(), objects },
      ]),
    ),
    gatewayStatuses: Object.fromEntries(translation.gatewayStatuses),
    routeStatuses: Object.fromEntries(translation.routeStatuses),
  };
  return stringify(
    replaceStrings(readable, (text) => replaceSecret(text, names, credentials)),
    {
      aliasDuplicateObjects: false,
      lineWidth: 0,
    },
  );
}

/** `ca-0123456789abcdef.pem` → `ca (CA Corp).pem` */
function placeholder(name: string, description: string): string {
  return name.replace(/-[0-9a-f]{16}[.]/, ` (${description}).`);
}

function replaceSecret(
  text: string,
  names: ReadonlyMap<string, string>,
  credentials: GoldenCredentials,
): string {
  if (text.startsWith('-----BEGIN')) return `(${credentials.describe(text)})`;
  return names.get(text) ?? text;
}

function replaceStrings(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value);
  if (Array.isArray(value)) return value.map((item) => replaceStrings(item, replace));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, replaceStrings(member, replace)]),
  );
}
