// Carries one ActiveSync command to the server: target, headers, cookies, authentication, and a strict look at the answer.
import { gunzipSync } from 'node:zlib';
import { decode, WbxmlError } from '../wbxml/decode.ts';
import type { Element } from '../wbxml/element.ts';
import { encode } from '../wbxml/encode.ts';
import { clientRequest } from './client-request.ts';
import type { Command } from './clients/commands.ts';
import { type ClientProfile, userNameOf } from './clients/profile.ts';
import { CookieJar } from './cookie-jar.ts';
import { SignInFailure, type Credential } from './credential.ts';
import { retryAfterOf, valuesOf, WrongAnswer } from './http-answer.ts';
import type { HttpClient } from './http-client.ts';
import { ConnectionLost, type HttpAnswer, type HttpRequest } from './http-connection.ts';
import { base64Query, plainQuery } from './query.ts';
import type { Report } from './report.ts';

/** The server answered with a status that gives no result; `retryAfterSeconds` where it said so. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly command: string;
  readonly status: number;
  readonly answer: HttpAnswer;

  constructor(command: string, answer: HttpAnswer) {
    super(`${command}: HTTP ${answer.status} ${answer.reason}`);
    this.command = command;
    this.status = answer.status;
    this.answer = answer;
  }

  get retryAfterSeconds(): number | undefined {
    return retryAfterOf(this.answer);
  }

  /** 503 with Retry-After: come back later, nothing is lost. */
  get unavailable(): boolean {
    return this.status === 503 && this.retryAfterSeconds !== undefined;
  }
}

export interface EasIdentity {
  readonly user: string;
  readonly deviceId: string;
  readonly deviceType: string;
  readonly userAgent: string;
  readonly protocolVersion: string;
  readonly query: 'plain' | 'base64';
  /** Writes the heads of requests as this kind does. */
  readonly client?: ClientProfile;
}

export interface EasCommand {
  readonly command: string;
  /** A document, a mail (up to 12.1), pieces of either, or nothing. */
  readonly content?: Element | Uint8Array | AsyncIterable<Uint8Array> | undefined;
  readonly contentType?: string;
  readonly contentLength?: number;
  readonly policyKey?: number | undefined;
  readonly saveInSent?: boolean;
  readonly acceptMultiPart?: boolean;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly expectContinue?: boolean;
  readonly onBody?: HttpRequest['onBody'];
  readonly signal?: AbortSignal | undefined;
  /** A poll: its duration says nothing about speed. */
  readonly poll?: boolean;
}

export interface EasAnswer {
  readonly answer: HttpAnswer;
  /** Undefined when the body is empty, multipart, or was taken by `onBody`. */
  readonly document: Element | undefined;
}

export interface EasClientOptions {
  readonly origin: string;
  readonly path: string;
  readonly http: HttpClient;
  readonly credential: Credential;
  readonly identity: EasIdentity;
  readonly report: Report;
  /** Is told of every answer. */
  readonly onAnswer?: ((answer: HttpAnswer) => void) | undefined;
}

const wbxmlType = 'application/vnd.ms-sync.wbxml';

export class EasClient {
  identity: EasIdentity;
  readonly #options: EasClientOptions;
  #origin: string;
  #path: string;
  readonly #cookies = new CookieJar();

  constructor(options: EasClientOptions) {
    this.#options = options;
    this.identity = options.identity;
    this.#origin = options.origin;
    this.#path = options.path;
  }

  /** Where requests go: the phone's setting, or where a 451 has sent it since. */
  get origin(): string {
    return this.#origin;
  }

  /**
   * OPTIONS or GET on the ActiveSync path; any status is an answer.
   *
   * @throws {ConnectionLost | WrongAnswer}
   */
  async bare(method: 'OPTIONS' | 'GET', signal?: AbortSignal): Promise<HttpAnswer> {
    return this.#authenticated(method, signal, async (authorization) =>
      this.#bareRequest(method, authorization, signal),
    );
  }

  /** GET with an empty `Bearer` and the mailbox's name: how iOS asks which sign-in there is. Whatever is answered. */
  async ask(signal?: AbortSignal): Promise<HttpAnswer> {
    return this.#exchange('GET', this.#bareRequest('GET', [['Authorization', 'Bearer']], signal), false);
  }

  #bareRequest(
    method: 'OPTIONS' | 'GET',
    authorization: readonly (readonly [string, string])[],
    signal: AbortSignal | undefined,
  ): HttpRequest {
    const { client, userAgent } = this.identity;
    if (client) return { ...this.#asClient(client, { method }, authorization), signal };
    return {
      method,
      target: this.#path,
      headers: [...authorization, ['User-Agent', userAgent], ...this.#cookieLine()],
      signal,
    };
  }

  /** The head as this kind of client writes it, framing included. */
  #asClient(
    client: ClientProfile,
    {
      method,
      command,
      length,
    }: { method?: 'OPTIONS' | 'GET'; command?: EasCommand; length?: number | 'chunked' | undefined },
    authorization: readonly (readonly [string, string])[],
  ): HttpRequest {
    const { identity } = this;
    const [value] = authorization.map((line) => line[1]);
    const content = command?.content === undefined ? undefined : (command.contentType ?? wbxmlType);
    const head = clientRequest(client, {
      ...identity,
      user: userNameOf(client, identity.user),
      version: identity.protocolVersion,
      host: hostOf(this.#origin),
      authorization: value,
      ...(value === 'Bearer' && { userIdentity: identity.user }),
      cookie: this.#cookies.header,
      ...(method ? { method } : { command: command?.command as Command, length, contentType: content }),
      policyKey: command?.policyKey,
      acceptMultiPart: command?.acceptMultiPart ?? false,
      saveInSent: command?.saveInSent ?? false,
      ...(command?.parameters && { parameters: command.parameters }),
    });
    return {
      method: head.method,
      target: `${this.#path}${head.target.replace(/^[^?]*/, '')}`,
      headers: head.lines,
      isWhole: true,
    };
  }

  /**
   * One command; 401 is tried once more with a renewed credential, 451 once more where it says (MS-ASHTTP R270).
   *
   * @throws {HttpFailure} for any status but 200
   * @throws {ConnectionLost | WrongAnswer}
   */
  async send(command: EasCommand): Promise<EasAnswer> {
    const attempt = async (): Promise<HttpAnswer> =>
      this.#authenticated(
        command.command,
        command.signal,
        async (authorization) => this.#request(command, authorization),
        command.poll,
      );
    let answer = await attempt();
    if (answer.status === 451 && this.#follows && this.#move(answer)) answer = await attempt();
    if (answer.status !== 200) throw this.#failure(command.command, answer);
    try {
      return { answer, document: documentOf(answer, command) };
    } catch (error) {
      this.#options.report.lost(command.command, error);
      throw error;
    }
  }

  get #follows(): boolean {
    const { client } = this.identity;
    return client === undefined || client.reactions['451'].value === 'follow';
  }

  /** All further requests go to this URL. */
  goTo(url: string): void {
    const { origin, pathname } = new URL(url);
    this.#origin = origin;
    this.#path = pathname;
  }

  /** Takes the address of a 451 for this and all further requests; false when there is none. */
  #move(answer: HttpAnswer): boolean {
    const location = answer.header('x-ms-location');
    if (location === undefined || !URL.canParse(location)) return false;
    this.goTo(location);
    this.#options.report.count('redirects');
    return true;
  }

  #failure(command: string, answer: HttpAnswer): HttpFailure {
    const failure = new HttpFailure(command, answer);
    if (failure.unavailable) this.#options.report.unavailable();
    else if (answer.status !== 449 && answer.status !== 451)
      this.#options.report.lost(command, `HTTP ${answer.status}`);
    return failure;
  }

  async #authenticated(
    command: string,
    signal: AbortSignal | undefined,
    build: (authorization: (readonly [string, string])[]) => Promise<HttpRequest>,
    poll = false,
  ): Promise<HttpAnswer> {
    const { credential, http } = this.#options;
    const attempt = async (): Promise<HttpAnswer> => {
      const value = await this.#signIn(credential.authorization(http, signal));
      const request = await build(value === undefined ? [] : [['Authorization', value]]);
      return this.#exchange(command, request, poll);
    };
    const answer = await attempt();
    if (answer.status !== 401 || !(await this.#signIn(credential.renew(http, signal)))) return answer;
    this.#options.report.count('tokenRenewals');
    return attempt();
  }

  /** Counts what a sign-in runs into. */
  async #signIn<T>(attempt: Promise<T>): Promise<T> {
    const { report } = this.#options;
    try {
      return await attempt;
    } catch (error) {
      if (error instanceof SignInFailure && error.unavailable) report.unavailable();
      else if (isLoss(error) || error instanceof SignInFailure) report.lost('sign-in', error);
      throw error;
    }
  }

  async #exchange(command: string, request: HttpRequest, poll: boolean): Promise<HttpAnswer> {
    const { http, report } = this.#options;
    report.request();
    try {
      const answer = await http.request(this.#origin, request);
      report.answer(command, answer.status, poll ? undefined : answer.firstByteMilliseconds);
      this.#cookies.store(valuesOf(answer, 'set-cookie'));
      this.#options.onAnswer?.(answer);
      return answer;
    } catch (error) {
      if (isLoss(error)) report.lost(command, error);
      throw error;
    }
  }

  #request(command: EasCommand, authorization: readonly (readonly [string, string])[]): HttpRequest {
    const { content, contentLength, expectContinue, onBody, signal } = command;
    const body = content && 'tag' in content ? encode(content) : content;
    const { client } = this.identity;
    if (client) {
      const length =
        body instanceof Uint8Array ? body.length : body ? (contentLength ?? ('chunked' as const)) : 0;
      const head = this.#asClient(client, { command, length }, authorization);
      return { ...head, body, onBody, signal, ...(contentLength !== undefined && { contentLength }) };
    }
    const headers: (readonly [string, string])[] = [
      ['User-Agent', this.identity.userAgent],
      ...authorization,
      ...this.#cookieLine(),
      ...this.#easHeaders(command),
    ];
    if (body) headers.push(['Content-Type', command.contentType ?? wbxmlType]);
    return {
      method: 'POST',
      target: this.#target(command),
      headers,
      body,
      onBody,
      signal,
      ...(contentLength !== undefined && { contentLength }),
      ...(expectContinue && { expectContinue }),
    };
  }

  #target(command: EasCommand): string {
    const { query, ...identity } = this.identity;
    const fields = { ...identity, ...command };
    return `${this.#path}?${query === 'plain' ? plainQuery(fields) : base64Query(fields)}`;
  }

  #easHeaders({ policyKey, acceptMultiPart }: EasCommand): (readonly [string, string])[] {
    if (this.identity.query === 'base64') return [];
    return [
      ['MS-ASProtocolVersion', this.identity.protocolVersion],
      ...(policyKey === undefined ? [] : [['X-MS-PolicyKey', String(policyKey)] as const]),
      ...(acceptMultiPart ? [['MS-ASAcceptMultiPart', 'T'] as const] : []),
    ];
  }

  #cookieLine(): (readonly [string, string])[] {
    const { header } = this.#cookies;
    return header === undefined ? [] : [['Cookie', header]];
  }
}

function hostOf(origin: string): string {
  const { hostname, port } = new URL(origin);
  return port === '' ? hostname : `${hostname}:${port}`;
}

function isLoss(error: unknown): boolean {
  return error instanceof ConnectionLost || error instanceof WrongAnswer;
}

function documentOf(answer: HttpAnswer, { onBody, acceptMultiPart }: EasCommand): Element | undefined {
  if (onBody || answer.body.length === 0) return undefined;
  const type = answer.header('content-type');
  if (acceptMultiPart && type === 'application/vnd.ms-sync.multipart') return undefined;
  if (type !== wbxmlType)
    throw new WrongAnswer(`Content-Type ${type} with a body of ${answer.body.length} bytes`);
  try {
    const isCompressed = answer.header('content-encoding') === 'gzip';
    return decode(isCompressed ? gunzipSync(answer.body) : answer.body);
  } catch (error) {
    if (error instanceof WbxmlError) throw new WrongAnswer(error.message, { cause: error });
    throw error;
  }
}
