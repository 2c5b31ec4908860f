// A phone: one account on one device, with what it knows of the mailbox.
import { randomBytes } from 'node:crypto';
import { Chance } from '../chance.ts';
import { childrenOf, element, find, textOf, type Element } from '../wbxml/element.ts';
import {
  basicCredential,
  fixedCredential,
  OAuthCredential,
  type Credential,
  type OAuthOptions,
} from './credential.ts';
import { type ClientProfile, deviceIdOf, userNameOf } from './clients/profile.ts';
import { EasClient, HttpFailure, type EasAnswer, type EasCommand, type EasIdentity } from './eas-client.ts';
import { EasFailure } from './eas-failure.ts';
import { WrongAnswer } from './http-answer.ts';
import { HttpClient, type HttpClientOptions } from './http-client.ts';
import type { HttpAnswer } from './http-connection.ts';
import { Report } from './report.ts';
import { reactionTo, situationOf } from './reactions.ts';
import * as requests from './requests.ts';

export { EasFailure } from './eas-failure.ts';

export interface PhoneOptions extends HttpClientOptions {
  /** Where ActiveSync is: `https://sentry.example.com:8443`; the path is added. */
  readonly url: string;
  readonly user: string;
  /** Basic. */
  readonly password?: string;
  /** OAuth through the gateway; the login hint is the user unless given. */
  readonly oauth?: Omit<OAuthOptions, 'loginHint'> & { readonly loginHint?: string };
  /** Sent as it is, in place of a password or OAuth. */
  readonly authorization?: string;
  readonly deviceId?: string;
  readonly deviceType?: string;
  readonly userAgent?: string;
  readonly protocolVersion?: string;
  readonly query?: 'plain' | 'base64';
  /** The kind of client that it is: what is not said otherwise, how it writes requests and what it does about answers. */
  readonly client?: ClientProfile;
  /** Where a client without a profile asks for its server, e.g. `https://autodiscover.example.com`; without it none asks. */
  readonly autodiscover?: string;
  /** A profile has told it everything: nothing is asked before the sign-in. */
  readonly hasProfile?: boolean;
  /** Tells phones of one kind apart in their device ids; default: by chance. */
  readonly number?: number;
  /** Identifiers of mails are the same for the same seed. */
  readonly seed?: string;
  /** Is told of every answer of Exchange. */
  readonly onAnswer?: (answer: HttpAnswer) => void;
  /** Shared by all phones that are to be counted together. */
  readonly report?: Report;
}

export interface Folder {
  readonly id: string;
  readonly name: string;
  /** MS-ASCMD 2.2.3.187.3; 2 is the inbox. */
  readonly type: number;
}

export interface Mail {
  readonly serverId: string;
  readonly subject: string;
  readonly body: string;
  readonly read: boolean;
  readonly received: Date;
  readonly attachments: readonly {
    readonly fileReference: string;
    readonly name: string;
    readonly bytes: number;
  }[];
}

export type PingResult =
  { readonly kind: 'expired' } | { readonly kind: 'changed'; readonly folderIds: readonly string[] };

export interface SyncResult {
  readonly added: readonly Mail[];
  readonly changed: readonly string[];
  readonly deleted: readonly string[];
}

const inboxType = 2;
const provisioningStatuses = new Set([142, 143, 144]);

export class Phone {
  readonly user: string;
  readonly deviceId: string;
  readonly report: Report;
  readonly credential: Credential;
  readonly hasProfile: boolean;
  readonly #autodiscover: string | undefined;
  readonly client: ClientProfile | undefined;
  /** By server id, as far as it was synchronised. */
  readonly mail = new Map<string, Mail>();
  readonly #http: HttpClient;
  readonly #eas: EasClient;
  readonly #chance: Chance;
  readonly #keys = new Map<string, string>();
  #policyKey = 0;
  /** While everything is fetched anew: none of it is new. */
  #auditing = false;
  #folderKey = '0';
  #folders: readonly Folder[] = [];

  constructor(options: PhoneOptions) {
    this.user = options.user;
    this.client = options.client;
    this.hasProfile = options.hasProfile ?? false;
    this.#autodiscover = options.autodiscover;
    this.#chance = new Chance(options.seed);
    this.deviceId = options.deviceId ?? newDeviceId(options);
    this.report = options.report ?? new Report();
    this.report.count('phones');
    this.credential = credentialOf(options, this.report);
    this.#http = new HttpClient({
      ...options,
      onConnection: (connection) => {
        this.report.count('connections');
        options.onConnection?.(connection);
      },
    });
    const url = new URL(options.url);
    this.#eas = new EasClient({
      origin: url.origin,
      path: '/Microsoft-Server-ActiveSync',
      http: this.#http,
      credential: this.credential,
      report: this.report,
      onAnswer: options.onAnswer,
      identity: {
        user: options.user,
        deviceId: this.deviceId,
        ...identityOf(options.client),
        ...given(options),
        ...(options.client && { client: options.client }),
      },
    });
  }

  /** The folders, once folderSync was called. */
  get folders(): readonly Folder[] {
    return this.#folders;
  }

  /**
   * Id of the inbox.
   *
   * @throws {RangeError} before folderSync
   */
  get inbox(): string {
    const inbox = this.#folders.find(({ type }) => type === inboxType);
    if (!inbox) throw new RangeError('call folderSync first');
    return inbox.id;
  }

  /** Where the phone's requests go: its setting, or where a 451 has sent it since. */
  get origin(): string {
    return this.#eas.origin;
  }

  get policyKey(): number {
    return this.#policyKey;
  }

  get protocolVersion(): string {
    return this.#eas.identity.protocolVersion;
  }

  /** Speaks this version from now on. */
  set protocolVersion(version: string) {
    this.#eas.identity = { ...this.#eas.identity, protocolVersion: version };
  }

  /** GET on the ActiveSync path, as iOS does when an account is set up: whatever is answered. */
  async get(signal?: AbortSignal): Promise<HttpAnswer> {
    return this.#eas.bare('GET', signal);
  }

  /** Asks Autodiscover v2 for the server of its mail address and goes there (MS-OXDSCLI); does nothing where it knows whom to ask not. */
  async discover(signal?: AbortSignal): Promise<void> {
    if (this.#autodiscover === undefined) return;
    const answer = await this.#http.request(this.#autodiscover, {
      method: 'GET',
      target: `/autodiscover/autodiscover.json/v1.0/${encodeURIComponent(this.user)}?Protocol=ActiveSync`,
      headers: [['User-Agent', this.#eas.identity.userAgent]],
      signal,
    });
    if (answer.status !== 200) throw new HttpFailure('Autodiscover', answer);
    const { Url: url } = JSON.parse(answer.body.toString()) as { Url: string };
    this.#eas.goTo(url);
  }

  /** How iOS finds out which sign-in there is: GET with an empty Bearer and the mailbox's name. */
  async ask(signal?: AbortSignal): Promise<HttpAnswer> {
    return this.#eas.ask(signal);
  }

  /** Gets a token, where the phone uses tokens. */
  async signIn(signal?: AbortSignal): Promise<void> {
    await this.credential.authorization(this.#http, signal);
  }

  /**
   * OPTIONS: the versions and commands on offer.
   *
   * @throws {HttpFailure | ConnectionLost | WrongAnswer}
   */
  async options(
    signal?: AbortSignal,
  ): Promise<{ versions: string[]; commands: string[]; answer: HttpAnswer }> {
    const answer = await this.#eas.bare('OPTIONS', signal);
    if (answer.status !== 200) throw new HttpFailure('OPTIONS', answer);
    const [versions, commands] = [
      answer.header('ms-asprotocolversions'),
      answer.header('ms-asprotocolcommands'),
    ];
    if (!versions || !commands)
      throw new WrongAnswer('OPTIONS without versions or commands (MS-ASHTTP R1107)');
    return { versions: versions.split(','), commands: commands.split(','), answer };
  }

  /**
   * Any command as it is: no provisioning, no repetition but for a renewed credential.
   *
   * @throws {HttpFailure | ConnectionLost | WrongAnswer}
   */
  async send(command: EasCommand): Promise<EasAnswer> {
    return this.#eas.send({ policyKey: this.#policyKey, ...command });
  }

  /** Both phases of Provision; a wipe is acknowledged and reported as EasFailure 140. */
  async provision(signal?: AbortSignal): Promise<void> {
    this.report.count('provisionings');
    this.#policyKey = 0;
    const information = Number(this.#eas.identity.protocolVersion) >= 14.1 ? this.#information : undefined;
    const offered = await this.#provisionStep(requests.policyRequest(information), signal);
    this.#policyKey = offered;
    this.#policyKey = await this.#provisionStep(requests.policyAcknowledgement(offered), signal);
  }

  /** Fetches the folder hierarchy, all of it the first time. */
  async folderSync(signal?: AbortSignal): Promise<readonly Folder[]> {
    const root = await this.#document(() => ({
      command: 'FolderSync',
      content: requests.folderSyncRequest(this.#folderKey),
      signal,
    }));
    this.#check('FolderSync', textOf(root, 'FolderHierarchy:Status'));
    this.#folderKey = textOf(root, 'FolderHierarchy:SyncKey') ?? '0';
    const added = childrenOf(find(root, 'FolderHierarchy:Changes'), 'FolderHierarchy:Add').map((folder) => ({
      id: textOf(folder, 'FolderHierarchy:ServerId') ?? '',
      name: textOf(folder, 'FolderHierarchy:DisplayName') ?? '',
      type: Number(textOf(folder, 'FolderHierarchy:Type')),
    }));
    this.#folders = [
      ...this.#folders.filter(({ id }) => !added.some((folder) => folder.id === id)),
      ...added,
    ];
    return this.#folders;
  }

  /** Brings a folder (default the inbox) up to date, in as many steps as it takes. */
  async sync(
    folderId = this.inbox,
    options: requests.SyncOptions & { signal?: AbortSignal } = {},
  ): Promise<SyncResult> {
    const total: { added: Mail[]; changed: string[]; deleted: string[] } = {
      added: [],
      changed: [],
      deleted: [],
    };
    for (let more = true; more;) {
      const fresh = !this.#keys.has(folderId);
      const step = await this.#syncStep(folderId, [], options);
      total.added.push(...step.added);
      total.changed.push(...step.changed);
      total.deleted.push(...step.deleted);
      more = fresh || step.more;
    }
    return total;
  }

  /** Sends changes of the phone's own (see readCommand, deleteCommand in requests.ts) and takes what comes with the answer. */
  async syncCommands(
    commands: readonly Element[],
    folderId = this.inbox,
    signal?: AbortSignal,
  ): Promise<SyncResult> {
    return this.#syncStep(folderId, commands, signal ? { signal } : {});
  }

  /** Marks a mail as read or unread. */
  async markRead(serverId: string, read = true): Promise<void> {
    await this.syncCommands([requests.readCommand(serverId, read)]);
  }

  /** Moves a mail to the deleted items. */
  async deleteMail(serverId: string): Promise<void> {
    await this.syncCommands([requests.deleteCommand(serverId)]);
    this.mail.delete(serverId);
  }

  /**
   * A Sync that waits up to `heartbeatSeconds` for changes of the inbox; `empty` repeats the last one without a body.
   * Resolves without changes when the server ended the wait.
   */
  async syncWait(
    heartbeatSeconds: number,
    options: { signal?: AbortSignal; empty?: boolean } = {},
  ): Promise<SyncResult> {
    return this.#syncStep(this.inbox, [], { ...options, heartbeatSeconds });
  }

  /**
   * A Ping on the inbox (or `folderIds`); `empty` repeats the last one without a body.
   *
   * @throws {EasFailure} for any status but 1 and 2
   */
  async ping(
    heartbeatSeconds: number,
    options: { signal?: AbortSignal; empty?: boolean; folderIds?: readonly string[] } = {},
  ): Promise<PingResult> {
    const { signal, empty, folderIds = [this.inbox] } = options;
    const root = await this.#document(() => ({
      command: 'Ping',
      content: empty ? undefined : requests.pingRequest(heartbeatSeconds, folderIds),
      poll: true,
      signal,
    }));
    const status = textOf(root, 'Ping:Status');
    if (status === '1') {
      this.report.count('pollsExpired');
      return { kind: 'expired' };
    }
    if (status !== '2') {
      const limit = textOf(root, 'Ping:HeartbeatInterval');
      throw new EasFailure('Ping', Number(status), limit === undefined ? undefined : Number(limit));
    }
    this.report.count('pollsChanged');
    const folders = childrenOf(find(root, 'Ping:Folders'), 'Ping:Folder').map(
      (folder) => textOf(folder) ?? '',
    );
    return { kind: 'changed', folderIds: folders };
  }

  /**
   * Sends a mail and resolves once the server has it; returns its identifiers.
   *
   * @throws {EasFailure | HttpFailure | ConnectionLost | WrongAnswer}
   */
  async sendMail(
    mail: { to: string; subject: string; body?: string; clientId?: string; messageId?: string },
    signal?: AbortSignal,
  ): Promise<{ clientId: string; messageId: string }> {
    const clientId = mail.clientId ?? this.#chance.uuid('client id');
    const messageId = mail.messageId ?? `<${this.#chance.uuid('message id')}@phone.example.com>`;
    const mime = Buffer.from(
      `From: ${this.user}\r\nTo: ${mail.to}\r\nSubject: ${mail.subject}\r\nMessage-ID: ${messageId}\r\n` +
        `MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${mail.body ?? ''}`,
    );
    await this.#compose('SendMail', { mime, clientId, signal });
    return { clientId, messageId };
  }

  /** Answers or forwards a mail of the inbox. */
  async smartSend(
    command: 'SmartForward' | 'SmartReply',
    serverId: string,
    mail: { to: string; body?: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const subject = `${command === 'SmartReply' ? 'Re' : 'Fwd'}: ${this.mail.get(serverId)?.subject ?? ''}`;
    const mime = Buffer.from(
      `From: ${this.user}\r\nTo: ${mail.to}\r\nSubject: ${subject}\r\n\r\n${mail.body ?? ''}`,
    );
    await this.#compose(command, {
      mime,
      clientId: this.#chance.uuid('client id'),
      source: serverId,
      signal,
    });
  }

  /**
   * Fetches an attachment as multipart; its bytes go to `onBody` (while a promise is pending nothing is read).
   * What arrives is the multipart frame: read it with readMultipart.
   */
  async fetchMultipart(
    fileReference: string,
    onBody?: EasCommand['onBody'],
    signal?: AbortSignal,
  ): Promise<HttpAnswer> {
    const { answer } = await this.#send(() => ({
      command: 'ItemOperations',
      content: requests.attachmentRequest(fileReference),
      acceptMultiPart: true,
      onBody,
      signal,
    }));
    return answer;
  }

  /** Fetches an attachment inline, as base64 in the document. */
  async fetchAttachment(fileReference: string, signal?: AbortSignal): Promise<Buffer> {
    const root = await this.#document(() => ({
      command: 'ItemOperations',
      content: requests.attachmentRequest(fileReference),
      signal,
    }));
    this.#check('ItemOperations', textOf(root, 'ItemOperations:Status'));
    const fetch = find(root, 'ItemOperations:Response', 'ItemOperations:Fetch');
    this.#check('ItemOperations', textOf(fetch, 'ItemOperations:Status'));
    return Buffer.from(textOf(fetch, 'ItemOperations:Properties', 'ItemOperations:Data') ?? '', 'base64');
  }

  /** How many changes a sync of the folder would bring. */
  async estimate(folderId = this.inbox): Promise<number> {
    const content = requests.estimateRequest(folderId, this.#keys.get(folderId) ?? '0');
    const root = await this.#document(() => ({ command: 'GetItemEstimate', content }));
    const response = find(root, 'GetItemEstimate:Response');
    this.#check('GetItemEstimate', textOf(response, 'GetItemEstimate:Status'));
    return Number(textOf(response, 'GetItemEstimate:Collection', 'GetItemEstimate:Estimate'));
  }

  /** Tells the server about the device and asks for the user's address. */
  async settings(signal?: AbortSignal): Promise<string | undefined> {
    const content = requests.settingsRequest(this.#information);
    const root = await this.#document(() => ({ command: 'Settings', content, signal }));
    this.#check('Settings', textOf(root, 'Settings:Status'));
    const get = find(root, 'Settings:UserInformation', 'Settings:Get');
    const addresses =
      find(get, 'Settings:EmailAddresses') ??
      find(get, 'Settings:Accounts', 'Settings:Account', 'Settings:EmailAddresses');
    return textOf(addresses, 'Settings:SMTPAddress');
  }

  /** Ids of the mails that hold the words. */
  async search(words: string): Promise<string[]> {
    const root = await this.#document(() => ({ command: 'Search', content: requests.searchRequest(words) }));
    this.#check('Search', textOf(root, 'Search:Status'));
    const store = find(root, 'Search:Response', 'Search:Store');
    return childrenOf(store, 'Search:Result').flatMap((result) => textOf(result, 'Search:LongId') ?? []);
  }

  /** Moves a mail to another folder and returns its new id. */
  async moveMail(serverId: string, from: string, to: string): Promise<string> {
    const content = requests.moveRequest(serverId, from, to);
    const root = await this.#document(() => ({ command: 'MoveItems', content }));
    const response = find(root, 'Move:Response');
    const status = textOf(response, 'Move:Status');
    if (status !== '3') throw new EasFailure('MoveItems', Number(status));
    return textOf(response, 'Move:DstMsgId') ?? '';
  }

  /** Forgets a folder's state, so that its next sync starts anew. */
  forget(folderId: string): void {
    this.#keys.delete(folderId);
    for (const serverId of this.mail.keys())
      if (serverId.startsWith(`${folderId}:`)) this.mail.delete(serverId);
  }

  /**
   * Brings the inbox up to date, then fetches it anew as a whole and compares: mail that was there before the audit
   * and that nothing had brought is counted as missing. Returns how many.
   */
  async audit(signal?: AbortSignal): Promise<number> {
    const options = signal ? { signal } : {};
    const started = Date.now();
    await this.sync(this.inbox, options);
    const known = new Set(this.mail.keys());
    this.forget(this.inbox);
    this.#auditing = true;
    const { added } = await this.sync(this.inbox, options).finally(() => {
      this.#auditing = false;
    });
    const missing = added.filter(
      ({ serverId, received }) => !known.has(serverId) && received.getTime() <= started,
    );
    for (let count = 0; count < missing.length; count += 1) this.report.mailMissing();
    return missing.length;
  }

  /** Ends all connections. */
  close(): void {
    this.#http.close();
  }

  get #information(): requests.DeviceInformation {
    const { userAgent } = this.#eas.identity;
    return { model: 'iPhone16C2', friendlyName: `Phone of ${this.user}`, os: 'iOS 26.1', userAgent };
  }

  async #provisionStep(content: Element, signal: AbortSignal | undefined): Promise<number> {
    const { document } = await this.send({ command: 'Provision', content, signal });
    this.#check('Provision', textOf(document, 'Provision:Status'));
    if (find(document, 'Provision:RemoteWipe')) {
      await this.send({ command: 'Provision', content: requests.wipeAcknowledgement(), signal });
      throw new EasFailure('Provision', 140);
    }
    const policy = find(document, 'Provision:Policies', 'Provision:Policy');
    this.#check('Provision', textOf(policy, 'Provision:Status'));
    return Number(textOf(policy, 'Provision:PolicyKey'));
  }

  async #syncStep(
    folderId: string,
    commands: readonly Element[],
    options: requests.SyncOptions & { signal?: AbortSignal; empty?: boolean },
  ): Promise<SyncResult & { more: boolean }> {
    const { signal, empty, heartbeatSeconds } = options;
    const key = this.#keys.get(folderId) ?? '0';
    const { document } = await this.#send(() => ({
      command: 'Sync',
      content: empty ? undefined : requests.syncRequest([{ id: folderId, key, commands }], options),
      poll: empty === true || heartbeatSeconds !== undefined,
      signal,
    }));
    if (!document) {
      if (heartbeatSeconds !== undefined) this.report.count('pollsExpired');
      return { added: [], changed: [], deleted: [], more: false };
    }
    if (heartbeatSeconds !== undefined) this.report.count('pollsChanged');
    return this.#takeChanges(folderId, document);
  }

  #takeChanges(folderId: string, document: Element): SyncResult & { more: boolean } {
    const overall = textOf(document, 'AirSync:Status');
    if (overall !== undefined) this.#check('Sync', overall);
    const collection = find(document, 'AirSync:Collections', 'AirSync:Collection');
    const status = textOf(collection, 'AirSync:Status');
    if (status === '3') {
      this.report.count('resyncs');
      this.forget(folderId);
      return { added: [], changed: [], deleted: [], more: true };
    }
    this.#check('Sync', status);
    this.#keys.set(folderId, textOf(collection, 'AirSync:SyncKey') ?? '0');
    const changes = find(collection, 'AirSync:Commands');
    const added = childrenOf(changes, 'AirSync:Add').map((add) => this.#takeMail(add));
    const ids = (tag: 'AirSync:Change' | 'AirSync:Delete'): string[] =>
      childrenOf(changes, tag).map((change) => textOf(change, 'AirSync:ServerId') ?? '');
    const deleted = ids('AirSync:Delete');
    for (const serverId of deleted) this.mail.delete(serverId);
    const more = find(collection, 'AirSync:MoreAvailable') !== undefined;
    return { added, changed: ids('AirSync:Change'), deleted, more };
  }

  #takeMail(add: Element): Mail {
    const serverId = textOf(add, 'AirSync:ServerId') ?? '';
    const data = find(add, 'AirSync:ApplicationData');
    const mail: Mail = {
      serverId,
      subject: textOf(data, 'Email:Subject') ?? '',
      body: textOf(data, 'AirSyncBase:Body', 'AirSyncBase:Data') ?? '',
      read: textOf(data, 'Email:Read') === '1',
      received: new Date(textOf(data, 'Email:DateReceived') ?? Number.NaN),
      attachments: childrenOf(find(data, 'AirSyncBase:Attachments'), 'AirSyncBase:Attachment').map(
        (attachment) => ({
          fileReference: textOf(attachment, 'AirSyncBase:FileReference') ?? '',
          name: textOf(attachment, 'AirSyncBase:DisplayName') ?? '',
          bytes: Number(textOf(attachment, 'AirSyncBase:EstimatedDataSize')),
        }),
      ),
    };
    if (this.mail.has(serverId)) this.report.mailDoubled();
    else if (!this.#auditing) this.report.count('mailReceived');
    this.mail.set(serverId, mail);
    return mail;
  }

  async #compose(
    command: 'SendMail' | 'SmartForward' | 'SmartReply',
    {
      mime,
      clientId,
      source,
      signal,
    }: { mime: Buffer; clientId: string; source?: string; signal: AbortSignal | undefined },
  ): Promise<void> {
    const modern = Number(this.#eas.identity.protocolVersion) >= 14;
    const from =
      source === undefined ? undefined : { FolderId: source.split(':', 1)[0] ?? '', ItemId: source };
    const { document } = await this.#send(() =>
      modern
        ? {
            command,
            content: requests.composeRequest(command, clientId, mime, from && sourceElement(from)),
            signal,
          }
        : {
            command,
            content: mime,
            contentType: 'message/rfc822',
            saveInSent: true,
            ...(from && { parameters: { CollectionId: from.FolderId, ItemId: from.ItemId } }),
            signal,
          },
    );
    if (document) this.#check(command, textOf(document, 'ComposeMail:Status'));
    this.report.count('mailSent');
  }

  /** Sends a command and returns its document. */
  async #document(build: () => EasCommand): Promise<Element> {
    const { document } = await this.#send(build);
    if (document) return document;
    const { command } = build();
    const error = new WrongAnswer(`${command} without a document`);
    this.report.lost(command, error);
    throw error;
  }

  /** Sends a command; provisions and repeats it once when the server asks for that. */
  async #send(build: () => EasCommand): Promise<EasAnswer> {
    const { command, signal } = build();
    let failure: EasFailure | HttpFailure;
    try {
      const answer = await this.send(build());
      const status = answer.document ? commonStatus(answer.document) : Number.NaN;
      if (situationOf(status, true) === undefined) return answer;
      if (!this.client && !provisioningStatuses.has(status)) return answer;
      failure = new EasFailure(command, status);
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      failure = error;
    }
    await this.#react(failure, signal);
    return this.send(build());
  }

  /** Does what must be done before the command is sent again; throws the failure where it is not to be sent again. */
  async #react(failure: EasFailure | HttpFailure, signal: AbortSignal | undefined): Promise<void> {
    const usual = failure instanceof EasFailure || failure.status === 449 ? 'provision' : undefined;
    switch (this.client ? reactionTo(this.client, failure) : usual) {
      case 'provision':
        return this.provision(signal);
      case 'wipe':
        return this.provision(signal);
      case 'ask versions':
        return this.negotiate(signal);
      case 'repeat at once':
        return undefined;
      default:
        throw failure;
    }
  }

  /** Asks for the versions on offer and takes the newest that it speaks. */
  async negotiate(signal?: AbortSignal): Promise<void> {
    const { versions } = await this.options(signal);
    const spoken = this.client?.versions.value.filter((version) => versions.includes(version));
    const newest = spoken?.at(-1);
    if (newest !== undefined) this.protocolVersion = newest;
  }

  #check(command: string, status: string | undefined): void {
    if (status !== '1') throw new EasFailure(command, Number(status ?? Number.NaN));
  }
}

/** The status directly below the root, whatever the command; NaN when there is none. */
function commonStatus(root: Element): number {
  const status = childrenOf(root).find(({ tag }) => tag.endsWith(':Status'));
  return Number(textOf(status) ?? Number.NaN);
}

function sourceElement({ FolderId, ItemId }: { FolderId: string; ItemId: string }): Element {
  return element(
    'ComposeMail:Source',
    element('ComposeMail:FolderId', FolderId),
    element('ComposeMail:ItemId', ItemId),
  );
}

function credentialOf(options: PhoneOptions, report: Report): Credential {
  const { authorization, password, oauth, user, client } = options;
  if (oauth) {
    return new OAuthCredential({
      loginHint: user,
      ...(client?.proofKey && { proofKey: client.proofKey.value }),
      ...oauth,
      onAnswer: (what, answer) => {
        report.request();
        report.answer(what, answer.status, answer.firstByteMilliseconds);
        if (what === 'token' && answer.status === 200) report.count('signIns');
        oauth.onAnswer?.(what, answer);
      },
    });
  }
  return password === undefined
    ? fixedCredential(authorization)
    : basicCredential(client ? userNameOf(client, user) : user, password);
}

function newDeviceId({ client, number }: PhoneOptions): string {
  const random = randomBytes(16);
  if (client === undefined) return random.toString('hex').toUpperCase();
  return deviceIdOf(client.deviceId.value, number ?? random.readUInt32BE(0));
}

type Manner = Pick<EasIdentity, 'deviceType' | 'userAgent' | 'protocolVersion' | 'query'>;

function identityOf(client: ClientProfile | undefined): Manner {
  if (client === undefined) {
    return {
      deviceType: 'iPhone',
      userAgent: 'Apple-iPhone16C2/2201.53',
      protocolVersion: '16.1',
      query: 'plain',
    };
  }
  return {
    deviceType: client.deviceType.value,
    userAgent: client.userAgent.value,
    protocolVersion: client.versions.value.at(-1) ?? '16.1',
    query: client.query.value,
  };
}

function given({ deviceType, userAgent, protocolVersion, query }: PhoneOptions): Partial<Manner> {
  return {
    ...(deviceType !== undefined && { deviceType }),
    ...(userAgent !== undefined && { userAgent }),
    ...(protocolVersion !== undefined && { protocolVersion }),
    ...(query !== undefined && { query }),
  };
}
