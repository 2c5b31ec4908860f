// The documents that a phone sends (MS-ASCMD, MS-ASPROV).
import { element, type Element } from '../wbxml/element.ts';

export interface DeviceInformation {
  readonly model: string;
  readonly friendlyName: string;
  readonly os: string;
  readonly userAgent: string;
}

/** First phase of Provision; device information goes along from 14.1. */
export function policyRequest(information: DeviceInformation | undefined): Element {
  const policy = element('Provision:Policy', element('Provision:PolicyType', 'MS-EAS-Provisioning-WBXML'));
  return element(
    'Provision:Provision',
    information && describe(information),
    element('Provision:Policies', policy),
  );
}

/** Second phase of Provision: the policy is applied. */
export function policyAcknowledgement(temporaryKey: number): Element {
  return element(
    'Provision:Provision',
    element(
      'Provision:Policies',
      element(
        'Provision:Policy',
        element('Provision:PolicyType', 'MS-EAS-Provisioning-WBXML'),
        element('Provision:PolicyKey', temporaryKey),
        element('Provision:Status', 1),
      ),
    ),
  );
}

export function wipeAcknowledgement(): Element {
  return element('Provision:Provision', element('Provision:RemoteWipe', element('Provision:Status', 1)));
}

export function settingsRequest(information: DeviceInformation): Element {
  return element(
    'Settings:Settings',
    describe(information),
    element('Settings:UserInformation', element('Settings:Get')),
  );
}

export function folderSyncRequest(key: string): Element {
  return element('FolderHierarchy:FolderSync', element('FolderHierarchy:SyncKey', key));
}

export interface CollectionRequest {
  readonly id: string;
  readonly key: string;
  /** Add, Change, Delete, Fetch. */
  readonly commands?: readonly Element[] | undefined;
}

export interface SyncOptions {
  /** Most changes in one answer; default 100. */
  readonly window?: number;
  /** Seconds to wait for changes; sent as HeartbeatInterval. */
  readonly heartbeatSeconds?: number;
  /** Minutes to wait for changes; sent as Wait. */
  readonly waitMinutes?: number;
  /** Bytes of a body after which it is cut off; default 32,768. */
  readonly truncationBytes?: number;
}

export function syncRequest(collections: readonly CollectionRequest[], options: SyncOptions): Element {
  const { window = 100, heartbeatSeconds, waitMinutes, truncationBytes = 32_768 } = options;
  return element(
    'AirSync:Sync',
    element(
      'AirSync:Collections',
      ...collections.map(({ id, key, commands = [] }) =>
        element(
          'AirSync:Collection',
          element('AirSync:SyncKey', key),
          element('AirSync:CollectionId', id),
          ...(key === '0' ? [] : collectionOptions(window, truncationBytes)),
          commands.length > 0 && element('AirSync:Commands', ...commands),
        ),
      ),
    ),
    waitMinutes !== undefined && element('AirSync:Wait', waitMinutes),
    heartbeatSeconds !== undefined && element('AirSync:HeartbeatInterval', heartbeatSeconds),
  );
}

export function pingRequest(heartbeatSeconds: number, folderIds: readonly string[]): Element {
  return element(
    'Ping:Ping',
    element('Ping:HeartbeatInterval', heartbeatSeconds),
    element(
      'Ping:Folders',
      ...folderIds.map((id) =>
        element('Ping:Folder', element('Ping:Id', id), element('Ping:Class', 'Email')),
      ),
    ),
  );
}

export function composeRequest(
  command: string,
  clientId: string,
  mime: Uint8Array,
  source?: Element,
): Element {
  const roots = {
    SendMail: 'ComposeMail:SendMail',
    SmartForward: 'ComposeMail:SmartForward',
    SmartReply: 'ComposeMail:SmartReply',
  } as const;
  return element(
    roots[command as keyof typeof roots],
    element('ComposeMail:ClientId', clientId),
    source,
    element('ComposeMail:SaveInSentItems'),
    element('ComposeMail:Mime', mime),
  );
}

export function attachmentRequest(fileReference: string): Element {
  return element(
    'ItemOperations:ItemOperations',
    element(
      'ItemOperations:Fetch',
      element('ItemOperations:Store', 'Mailbox'),
      element('AirSyncBase:FileReference', fileReference),
    ),
  );
}

export function estimateRequest(id: string, key: string): Element {
  return element(
    'GetItemEstimate:GetItemEstimate',
    element(
      'GetItemEstimate:Collections',
      element(
        'GetItemEstimate:Collection',
        element('AirSync:SyncKey', key),
        element('GetItemEstimate:CollectionId', id),
      ),
    ),
  );
}

export function searchRequest(words: string): Element {
  return element(
    'Search:Search',
    element(
      'Search:Store',
      element('Search:Name', 'Mailbox'),
      element(
        'Search:Query',
        element('Search:And', element('AirSync:Class', 'Email'), element('Search:FreeText', words)),
      ),
      element('Search:Options', element('Search:Range', '0-99')),
    ),
  );
}

export function moveRequest(serverId: string, from: string, to: string): Element {
  return element(
    'Move:MoveItems',
    element(
      'Move:Move',
      element('Move:SrcMsgId', serverId),
      element('Move:SrcFldId', from),
      element('Move:DstFldId', to),
    ),
  );
}

export function readCommand(serverId: string, read: boolean): Element {
  return element(
    'AirSync:Change',
    element('AirSync:ServerId', serverId),
    element('AirSync:ApplicationData', element('Email:Read', read ? 1 : 0)),
  );
}

export function deleteCommand(serverId: string): Element {
  return element('AirSync:Delete', element('AirSync:ServerId', serverId));
}

function collectionOptions(window: number, truncationBytes: number): Element[] {
  const body = element(
    'AirSyncBase:BodyPreference',
    element('AirSyncBase:Type', 1),
    element('AirSyncBase:TruncationSize', truncationBytes),
  );
  return [
    element('AirSync:DeletesAsMoves'),
    element('AirSync:GetChanges'),
    element('AirSync:WindowSize', window),
    element('AirSync:Options', element('AirSync:FilterType', 0), body),
  ];
}

function describe({ model, friendlyName, os, userAgent }: DeviceInformation): Element {
  return element(
    'Settings:DeviceInformation',
    element(
      'Settings:Set',
      element('Settings:Model', model),
      element('Settings:FriendlyName', friendlyName),
      element('Settings:OS', os),
      element('Settings:OSLanguage', 'en-US'),
      element('Settings:UserAgent', userAgent),
    ),
  );
}
