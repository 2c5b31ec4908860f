// Writes the head of a request as a kind of client does: target, header lines and their order.
import type { ClientProfile, HeaderSlot } from './clients/profile.ts';
import type { Command } from './clients/commands.ts';
import { base64Query, plainQuery } from './query.ts';

export interface ClientAsk {
  /** Absent for OPTIONS and GET. */
  readonly command?: Command;
  readonly method?: 'POST' | 'OPTIONS' | 'GET';
  readonly version: string;
  /** Default: the client's own. */
  readonly query?: 'plain' | 'base64';
  readonly user: string;
  readonly deviceId: string;
  readonly host: string;
  readonly authorization?: string | undefined;
  readonly userIdentity?: string | undefined;
  readonly cookie?: string | undefined;
  readonly policyKey?: number | undefined;
  readonly contentType?: string | undefined;
  /** `chunked`, or bytes; undefined says nothing about a body. */
  readonly length?: number | 'chunked' | undefined;
  readonly acceptMultiPart?: boolean;
  readonly saveInSent?: boolean;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Further lines, at the end. */
  readonly extra?: readonly (readonly [string, string])[];
}

export interface ClientHead {
  readonly method: string;
  readonly target: string;
  readonly lines: readonly (readonly [string, string])[];
}

const PATH = '/Microsoft-Server-ActiveSync';

export function clientRequest(profile: ClientProfile, ask: ClientAsk): ClientHead {
  const { method = 'POST', extra = [] } = ask;
  const values = valuesOf(profile, ask);
  const lines = slotsOf(profile, ask).flatMap(([name, fixed]) => {
    const value = fixed ?? values.get(name.toLowerCase());
    return value === undefined ? [] : [[name, value] as const];
  });
  return { method, target: targetOf(profile, ask), lines: [...lines, ...extra] };
}

function targetOf(profile: ClientProfile, ask: ClientAsk): string {
  const { command, method = 'POST', query = profile.query.value } = ask;
  const deviceType = profile.deviceType.value;
  const order = profile.parameterOrder.value;
  if (method !== 'POST' || command === undefined) {
    if (method !== 'OPTIONS' || !profile.optionsWithQuery.value) return PATH;
    const without = order.filter((name) => name !== 'Cmd');
    return `${PATH}?${plainQuery({ ...ask, command: '', deviceType, protocolVersion: ask.version }, without)}`;
  }
  const deviceIdIsHex = profile.deviceIdBytes.value === 'hex';
  const fields = { ...ask, command, deviceType, deviceIdIsHex, protocolVersion: ask.version };
  return `${PATH}?${query === 'base64' ? base64Query(fields) : plainQuery(fields, order)}`;
}

function slotsOf(profile: ClientProfile, { command, method }: ClientAsk): HeaderSlot[] {
  const what = method === 'OPTIONS' || method === 'GET' ? method : command;
  const exception = what === undefined ? undefined : profile.exceptions.value[what];
  const { without = [], with: added = [] } = exception ?? {};
  return [...profile.headers.value.filter(([name]) => !without.includes(name)), ...added];
}

/** The values of the slots that depend on the request. */
function valuesOf(profile: ClientProfile, ask: ClientAsk): Map<string, string | undefined> {
  const { query = profile.query.value, method = 'POST', length } = ask;
  const isPlain = query === 'plain';
  const isPost = method === 'POST';
  return new Map([
    ['host', ask.host],
    ['authorization', ask.authorization],
    ['x-user-identity', ask.userIdentity],
    ['cookie', profile.cookies.value === 'returned' ? ask.cookie : undefined],
    ['user-agent', profile.userAgent.value],
    ['ms-asprotocolversion', isPlain && isPost ? ask.version : undefined],
    ['x-ms-policykey', isPlain && ask.policyKey !== undefined ? String(ask.policyKey) : undefined],
    ['ms-asacceptmultipart', isPlain && ask.acceptMultiPart ? 'T' : undefined],
    ['content-type', ask.contentType],
    ['content-length', typeof length === 'number' ? String(length) : undefined],
    ['transfer-encoding', length === 'chunked' ? 'chunked' : undefined],
  ]);
}
