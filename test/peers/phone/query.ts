// Writes the query of an ActiveSync request, plain or base64 (MS-ASHTTP 2.2.1.1.1).

const commandCodes: Readonly<Record<string, number>> = {
  Sync: 0,
  SendMail: 1,
  SmartForward: 2,
  SmartReply: 3,
  GetAttachment: 4,
  FolderSync: 9,
  FolderCreate: 10,
  FolderDelete: 11,
  FolderUpdate: 12,
  MoveItems: 13,
  GetItemEstimate: 14,
  MeetingResponse: 15,
  Search: 16,
  Settings: 17,
  Ping: 18,
  ItemOperations: 19,
  Provision: 20,
  ResolveRecipients: 21,
  ValidateCert: 22,
  Find: 23,
};

const parameterTags: Readonly<Record<string, number>> = {
  AttachmentName: 0,
  CollectionId: 1,
  ItemId: 3,
  LongId: 4,
  Occurrence: 6,
};

export interface QueryFields {
  readonly command: string;
  readonly user: string;
  readonly deviceId: string;
  readonly deviceType: string;
  /** E.g. 16.1; only the base64 form carries it. */
  readonly protocolVersion: string;
  /** In the base64 form the device id is the bytes that its characters are the hex of. */
  readonly deviceIdIsHex?: boolean;
  /** Only the base64 form carries it. */
  readonly policyKey?: number | undefined;
  readonly saveInSent?: boolean;
  /** Only the base64 form carries it. */
  readonly acceptMultiPart?: boolean;
  /** AttachmentName, CollectionId, ItemId, LongId, Occurrence. */
  readonly parameters?: Readonly<Record<string, string>>;
}

const inOrder = ['Cmd', 'User', 'DeviceId', 'DeviceType'] as const;

/** `Cmd=…&User=…&DeviceId=…&DeviceType=…` (or in another order) and the parameters, percent-encoded. */
export function plainQuery(
  { command, user, deviceId, deviceType, saveInSent, parameters }: QueryFields,
  order: readonly (typeof inOrder)[number][] = inOrder,
): string {
  const values = { Cmd: command, User: user, DeviceId: deviceId, DeviceType: deviceType };
  const fields: [string, string][] = [
    ...order.map((name): [string, string] => [name, values[name]]),
    ...Object.entries(parameters ?? {}),
  ];
  if (saveInSent) fields.push(['SaveInSent', 'T']);
  return fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
}

/** The same as bytes in base64 (12.1 and later). */
export function base64Query(fields: QueryFields): string {
  const { command, user, deviceId, deviceType, protocolVersion, policyKey, parameters } = fields;
  const code = commandCodes[command];
  if (code === undefined) throw new RangeError(`the command ${command} has no code`);
  const key = Buffer.alloc(policyKey === undefined ? 0 : 4);
  if (policyKey !== undefined) key.writeUInt32LE(policyKey);
  const options = (fields.saveInSent ? 1 : 0) | (fields.acceptMultiPart ? 2 : 0);
  return Buffer.concat([
    Buffer.from([Number(protocolVersion.replace('.', '')), code, 0x09, 0x04]),
    counted(Buffer.from(deviceId, fields.deviceIdIsHex ? 'hex' : 'latin1')),
    counted(key),
    counted(Buffer.from(deviceType, 'latin1')),
    ...Object.entries(parameters ?? {}).map(([name, value]) =>
      tagged(parameterTags[name] ?? 0, Buffer.from(value)),
    ),
    ...(options ? [tagged(7, Buffer.from([options]))] : []),
    tagged(8, Buffer.from(user)),
  ]).toString('base64');
}

function tagged(tag: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), counted(value)]);
}

function counted(value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([value.length]), value]);
}
