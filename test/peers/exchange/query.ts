// Reads the query of an ActiveSync request, plain or base64 (MS-ASHTTP 2.2.1.1.1), as strictly as it is specified.

/** Command codes of the base64 query (MS-ASHTTP 2.2.1.1.1.1.2). */
const commandCodes = new Map([
  [0, 'Sync'],
  [1, 'SendMail'],
  [2, 'SmartForward'],
  [3, 'SmartReply'],
  [4, 'GetAttachment'],
  [9, 'FolderSync'],
  [10, 'FolderCreate'],
  [11, 'FolderDelete'],
  [12, 'FolderUpdate'],
  [13, 'MoveItems'],
  [14, 'GetItemEstimate'],
  [15, 'MeetingResponse'],
  [16, 'Search'],
  [17, 'Settings'],
  [18, 'Ping'],
  [19, 'ItemOperations'],
  [20, 'Provision'],
  [21, 'ResolveRecipients'],
  [22, 'ValidateCert'],
  [23, 'Find'],
]);

const commands = new Set(commandCodes.values());
const versionBytes = new Map([
  [121, '12.1'],
  [140, '14.0'],
  [141, '14.1'],
  [160, '16.0'],
  [161, '16.1'],
]);
const parameterNames = new Set([
  'AttachmentName',
  'CollectionId',
  'ItemId',
  'LongId',
  'Occurrence',
  'SaveInSent',
]);
const parameterTags = new Map([
  [0, 'AttachmentName'],
  [1, 'CollectionId'],
  [3, 'ItemId'],
  [4, 'LongId'],
  [6, 'Occurrence'],
]);

/** What the query of one request says. */
export interface EasQuery {
  readonly encoding: 'plain' | 'base64';
  readonly command: string;
  readonly deviceId: string;
  readonly deviceType: string;
  /** Absent where the fixed part of a base64 query holds no user. */
  readonly user?: string;
  /** Only in a base64 query; else the header MS-ASProtocolVersion says it. */
  readonly protocolVersion?: string;
  /** Only in a base64 query; else the header X-MS-PolicyKey says it. */
  readonly policyKey?: number;
  readonly acceptMultiPart: boolean;
  readonly saveInSent: boolean;
  /** AttachmentName, CollectionId, ItemId, LongId, Occurrence. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** The query breaks MS-ASHTTP 2.2.1.1.1; the message says how. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

/**
 * Reads a raw query (what follows `?`, undecoded).
 *
 * @throws {QueryError}
 */
export function parseQuery(raw: string): EasQuery {
  return /(^|&)Cmd=/.test(raw) ? parsePlain(raw) : parseBase64(raw);
}

function parsePlain(raw: string): EasQuery {
  const values = new Map<string, string>();
  for (const pair of raw.split('&')) {
    const [name, value] = splitOnce(pair, '=');
    if (value === undefined) throw new QueryError(`parameter ${name} has no value`);
    if (values.has(name)) throw new QueryError(`parameter ${name} occurs twice`);
    values.set(name, percentDecode(value));
  }
  const take = (name: string): string => {
    const value = values.get(name);
    if (!value) throw new QueryError(`parameter ${name} is missing`);
    values.delete(name);
    return value;
  };
  const [command, user, deviceId, deviceType] = [
    take('Cmd'),
    take('User'),
    take('DeviceId'),
    take('DeviceType'),
  ];
  if (!commands.has(command)) throw new QueryError(`unknown command ${command}`);
  if (!/^[A-Za-z0-9]{1,32}$/.test(deviceId))
    throw new QueryError('DeviceId is not 1 to 32 letters and digits');
  for (const name of values.keys()) {
    if (!parameterNames.has(name)) throw new QueryError(`unknown parameter ${name}`);
  }
  const saveInSent = values.get('SaveInSent');
  if (saveInSent !== undefined && !/^[TF]$/.test(saveInSent))
    throw new QueryError('SaveInSent is not T or F');
  values.delete('SaveInSent');
  const flags = { acceptMultiPart: false, saveInSent: saveInSent === 'T' };
  return { encoding: 'plain', command, user, deviceId, deviceType, ...flags, parameters: values };
}

function parseBase64(raw: string): EasQuery {
  const text = percentDecode(raw);
  const bytes = Buffer.from(text, 'base64');
  if (text === '' || bytes.toString('base64') !== text)
    throw new QueryError('the query is neither plain nor base64');
  const reader = new ByteReader(bytes);
  const protocolVersion = versionBytes.get(reader.byte());
  if (!protocolVersion) throw new QueryError('unknown protocol version byte');
  const command = commandCodes.get(reader.byte());
  if (!command) throw new QueryError('unknown command code');
  reader.take(2);
  const id = reader.take(reader.byte());
  if (id.length === 0) throw new QueryError('the device id is empty');
  const keyLength = reader.byte();
  if (keyLength !== 0 && keyLength !== 4) throw new QueryError(`a policy key of ${keyLength} bytes`);
  const key = reader.take(keyLength);
  const deviceType = reader.take(reader.byte()).toString('latin1');
  if (deviceType === '') throw new QueryError('the device type is empty');
  return {
    encoding: 'base64',
    command,
    protocolVersion,
    deviceId: /^[\x21-\x7e]+$/.test(id.toString('latin1')) ? id.toString('latin1') : id.toString('hex'),
    deviceType,
    ...(keyLength === 4 && { policyKey: key.readUInt32LE(0) }),
    ...readTags(reader),
  };
}

function readTags(
  reader: ByteReader,
): Pick<EasQuery, 'acceptMultiPart' | 'saveInSent' | 'parameters' | 'user'> {
  const parameters = new Map<string, string>();
  let [options, user]: [number, string | undefined] = [0, undefined];
  while (reader.left > 0) {
    const tag = reader.byte();
    const value = reader.take(reader.byte());
    const name = parameterTags.get(tag);
    if (name) parameters.set(name, value.toString('utf8'));
    else if (tag === 7 && value.length === 1) options = value[0] ?? 0;
    else if (tag === 8) user = value.toString('utf8');
    else throw new QueryError(`unknown or malformed tag ${tag}`);
  }
  return {
    parameters,
    saveInSent: (options & 0x01) !== 0,
    acceptMultiPart: (options & 0x02) !== 0,
    ...(user !== undefined && { user }),
  };
}

class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.take(1)[0] ?? 0;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new QueryError('the base64 query ends early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new QueryError('a percent escape is not UTF-8');
  }
}
