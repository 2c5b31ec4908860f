// What phones are to be given, as text.
import type { ClientSettings } from '../operator/api/sentry-gateway.ts';

/**
 * Lines of one gateway's or route's settings: host, sign-in and token URL, and the keys of each kind of clients.
 *
 * @param authority path of the CA certificate that phones have to trust; undefined where they know it
 */
export function printClientSettings(title: string, clients: ClientSettings, authority?: string): string {
  const lines: [string, unknown][] = [
    ['Host', clients.host],
    ['CA certificate', authority],
    ['Sign-in URL', clients.signInURL],
    ['Token URL', clients.tokenURL],
    ...section('Apple com.apple.eas.account', clients.apple),
    ...section('Email+', clients.emailPlus),
    ...(clients.msal === undefined ? [] : section('MSAL', clients.msal)),
  ];
  const present = lines.filter(([, value]) => value !== undefined);
  const width = Math.max(...present.map(([name]) => name.length)) + 2;
  return [`${title}:`, ...present.map(([name, value]) => `  ${name.padEnd(width)}${String(value)}`.trimEnd())]
    .map((line) => `${line}\n`)
    .join('');
}

function section(title: string, values: Readonly<Record<string, unknown>>): [string, unknown][] {
  return [
    [title, ''],
    ...Object.entries(values).map(([name, value]): [string, unknown] => [`  ${name}`, value]),
  ];
}
