// The query of an ActiveSync request in both of its forms (MS-ASHTTP 2.2.1.1.1). What is parsed is a copy: the client's bytes are forwarded.
import { type Command, commandOfCode, commandOfName } from './commands.ts';
import { versionOfByte } from './versions.ts';

/** What a query says. Absent texts are empty. */
export interface Query {
  readonly encoding: 'Plain' | 'Base64';
  readonly command: Command;
  /** Protocol version; a plain query names none (the header MS-ASProtocolVersion does). */
  readonly version: string;
  readonly user: string;
  /** Lower case; 16 raw bytes of a GUID are 32 hex digits. */
  readonly deviceId: string;
  readonly deviceType: string;
  /** Undefined where the query holds no key. */
  readonly policyKey: number | undefined;
  readonly locale: number | undefined;
  readonly attachmentName: string;
  readonly collectionId: string;
  readonly itemId: string;
  readonly longId: string;
  readonly occurrence: string;
  readonly saveInSent: boolean;
  readonly acceptMultiPart: boolean;
}

/** Why a query cannot be understood. All of them deserve a 400 (R188). */
export type QueryError =
  | 'EmptyQuery'
  | 'QueryTooLong'
  | 'BadEscape'
  | 'BadCharacter'
  | 'MissingCommand'
  | 'BadCommand'
  | 'MissingDevice'
  | 'BadDevice'
  | 'DuplicateParameter'
  | 'Truncated'
  | 'UnknownVersion'
  | 'BadPolicyKey'
  | 'UnknownParameter';

type Fields = { -readonly [name in keyof Query]: Query[name] };

/** Longer ones are no queries: the largest legal parameters (AttachmentName, LongId) have a few hundred characters. */
const MAX_QUERY = 8192;
const MAX_USER = 320;
/** Whole groups, the last one padded or not. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const BASE64_ESCAPE = /%(?:2B|2F|3D)/gi;
const DEVICE_ID = /^[!-~]{1,64}$/;
const ALPHANUMERIC = /^[0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * Parses the query of a request, without its `?`.
 * @returns the query, or the code of what is wrong with it. Never throws, whatever the bytes.
 */
export function parseQuery(text: string): Query | QueryError {
  if (text.length === 0) return 'EmptyQuery';
  if (text.length > MAX_QUERY) return 'QueryTooLong';
  const base64 = text.includes('%') ? text.replace(BASE64_ESCAPE, unescapeBase64) : text;
  return BASE64.test(base64) ? parseBase64(Buffer.from(base64, 'base64')) : parsePlain(text);
}

function unescapeBase64(escape: string): string {
  return escape[2] === 'D' || escape[2] === 'd' ? '=' : escape[2] === 'F' || escape[2] === 'f' ? '/' : '+';
}

function emptyQuery(encoding: Query['encoding']): Fields {
  return {
    encoding,
    command: 'Unknown',
    version: '',
    user: '',
    deviceId: '',
    deviceType: '',
    policyKey: undefined,
    locale: undefined,
    attachmentName: '',
    collectionId: '',
    itemId: '',
    longId: '',
    occurrence: '',
    saveInSent: false,
    acceptMultiPart: false,
  };
}

// ——— plain (2.2.1.1.1.2) ———

function parsePlain(text: string): Query | QueryError {
  const query = emptyQuery('Plain');
  const seen = new Set<string>();
  for (const parameter of text.split('&')) {
    const separator = parameter.indexOf('=');
    if (separator <= 0) continue;
    const name = parameter.slice(0, separator).toLowerCase();
    if (/[%+]/.test(name)) return 'BadCharacter';
    if (seen.has(name)) return 'DuplicateParameter';
    seen.add(name);
    const value = decodeText(parameter.slice(separator + 1));
    if (value === undefined) return 'BadEscape';
    if (CONTROL.test(value)) return 'BadCharacter';
    const error = setPlain(query, name, value);
    if (error !== undefined) return error;
  }
  if (!seen.has('cmd')) return 'MissingCommand';
  return query.deviceId === '' || query.deviceType === '' ? 'MissingDevice' : query;
}

function setPlain(query: Fields, name: string, value: string): QueryError | undefined {
  switch (name) {
    case 'cmd':
      if (!/^[A-Za-z]+$/.test(value)) return 'BadCommand';
      query.command = commandOfName(value);
      return undefined;
    case 'user':
      if (value.length > MAX_USER) return 'QueryTooLong';
      query.user = value;
      return undefined;
    case 'deviceid':
      if (!DEVICE_ID.test(value)) return 'BadDevice';
      query.deviceId = value.toLowerCase();
      return undefined;
    case 'devicetype':
      query.deviceType = value;
      return undefined;
    case 'attachmentname':
      query.attachmentName = value;
      return undefined;
    case 'collectionid':
      query.collectionId = value;
      return undefined;
    case 'itemid':
      query.itemId = value;
      return undefined;
    case 'longid':
      query.longId = value;
      return undefined;
    case 'occurrence':
      query.occurrence = value;
      return undefined;
    case 'saveinsent':
      query.saveInSent = value.toUpperCase() === 'T';
      return undefined;
    default:
      return undefined;
  }
}

/** Undoes `+` and `%HH` as IIS does; bytes that are no UTF-8 become U+FFFD. Undefined where an escape is broken. */
function decodeText(text: string): string | undefined {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  if (/%(?![0-9A-Fa-f]{2})/.test(spaced)) return undefined;
  const bytes = spaced.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

// ——— base64 (2.2.1.1.1.1) ———

function parseBase64(bytes: Buffer): Query | QueryError {
  const version = bytes.length > 0 ? versionOfByte(bytes.readUInt8(0)) : undefined;
  if (version === undefined) return 'UnknownVersion';
  if (bytes.length < 5) return 'Truncated';
  const query = emptyQuery('Base64');
  query.version = version;
  query.command = commandOfCode(bytes.readUInt8(1));
  query.locale = bytes.readUInt16LE(2);

  const deviceEnd = 5 + bytes.readUInt8(4);
  if (deviceEnd >= bytes.length) return 'Truncated';
  const deviceId = deviceIdOf(bytes.subarray(5, deviceEnd));
  if (deviceId === undefined) return 'BadDevice';
  query.deviceId = deviceId;

  const keyLength = bytes.readUInt8(deviceEnd);
  if (keyLength !== 0 && keyLength !== 4) return 'BadPolicyKey';
  const typeStart = deviceEnd + 1 + keyLength;
  if (typeStart >= bytes.length) return 'Truncated';
  if (keyLength === 4) query.policyKey = bytes.readUInt32LE(deviceEnd + 1);

  const typeEnd = typeStart + 1 + bytes.readUInt8(typeStart);
  if (typeEnd > bytes.length) return 'Truncated';
  query.deviceType = bytes.toString('utf8', typeStart + 1, typeEnd);
  if (query.deviceType === '' || CONTROL.test(query.deviceType)) return 'BadDevice';
  return parseParameters(query, bytes, typeEnd) ?? query;
}

function deviceIdOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1');
  if (bytes.length === 16 && !ALPHANUMERIC.test(text)) return bytes.toString('hex');
  return DEVICE_ID.test(text) ? text.toLowerCase() : undefined;
}

/** Reads `{tag(1) length(1) value}*` (2.2.1.1.1.1.1). */
function parseParameters(query: Fields, bytes: Buffer, start: number): QueryError | undefined {
  let seen = 0;
  let at = start;
  while (at < bytes.length) {
    if (at + 2 > bytes.length) return 'Truncated';
    const tag = bytes.readUInt8(at);
    const end = at + 2 + bytes.readUInt8(at + 1);
    if (end > bytes.length) return 'Truncated';
    if (tag > 8) return 'UnknownParameter';
    if ((seen & (1 << tag)) !== 0) return 'DuplicateParameter';
    seen |= 1 << tag;
    const error = setParameter(query, tag, bytes.subarray(at + 2, end));
    if (error !== undefined) return error;
    at = end;
  }
  return undefined;
}

function setParameter(query: Fields, tag: number, value: Buffer): QueryError | undefined {
  if (tag === 7) {
    if (value.length !== 1) return 'UnknownParameter';
    const options = value.readUInt8(0);
    query.saveInSent = (options & 0x01) !== 0;
    query.acceptMultiPart = (options & 0x02) !== 0;
    return undefined;
  }
  const text = value.toString('utf8');
  if (CONTROL.test(text)) return 'BadCharacter';
  switch (tag) {
    case 0:
      query.attachmentName = text;
      return undefined;
    case 1:
      query.collectionId = text;
      return undefined;
    case 3:
      query.itemId = text;
      return undefined;
    case 4:
      query.longId = text;
      return undefined;
    case 6:
      query.occurrence = text;
      return undefined;
    case 8:
      query.user = text;
      return undefined;
    default:
      return 'UnknownParameter';
  }
}
