// The simulated identity provider: OAuth 2 endpoints as Entra ID and AD FS have them, on an HTTPS server.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CertificateAuthority } from '../certificates.ts';
import type { TokenRules } from '../exchange/token-verifier.ts';
import { FaultTable } from '../faults.ts';
import { Conversation } from '../server/conversation.ts';
import { PeerServer } from '../server/peer-server.ts';
import { statusReply, type Reply } from '../server/reply.ts';
import { authorize } from './authorize.ts';
import { Directory, type DirectoryUser } from './directory.ts';
import { endpointOf, type Endpoint } from './endpoint.ts';
import { Grants } from './grants.ts';
import { deviceCode, issuerOf, jsonReply, token, type TokenContext } from './token.ts';
import { TokenIssuer } from './token-issuer.ts';

export interface IdentityProviderOptions {
  readonly authority: CertificateAuthority;
  /** Who can sign in. */
  readonly users: readonly (string | DirectoryUser)[];
  /** What tokens are issued for, e.g. `https://outlook.office365.com/`; a final slash makes no difference. */
  readonly resources: readonly string[];
  readonly port?: number;
  readonly address?: string;
  /** Names of its certificate; the first is that of its URL. Default localhost and 127.0.0.1. */
  readonly hostnames?: readonly string[];
  /** How long access tokens last; default 3599. */
  readonly tokenSeconds?: number;
  readonly tenantId?: string;
  /** Called when an answer is about to be written. */
  readonly onAnswer?: (request: ReceivedRequest) => void;
}

/** A request as it came, byte for byte. */
export interface ReceivedRequest {
  readonly at: string;
  readonly method: string;
  /** Undecoded. */
  readonly target: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** Undefined when the path is no endpoint. */
  readonly endpoint: Endpoint | undefined;
  /** Complete once the status is there. */
  body: Buffer;
  status: number | undefined;
}

const mostReceived = 10_000;

/** A running identity provider; `await using` closes it. */
export class IdentityProvider implements AsyncDisposable {
  readonly directory: Directory;
  readonly faults = new FaultTable();
  readonly #hostname: string;
  readonly #tokenSeconds: number;
  readonly #issuer: TokenIssuer;
  readonly #onAnswer: IdentityProviderOptions['onAnswer'];
  readonly #grants = new Grants();
  readonly #received: ReceivedRequest[] = [];
  #server: PeerServer | undefined;

  private constructor(options: IdentityProviderOptions, hostname: string, issuer: TokenIssuer) {
    this.directory = new Directory(options.tenantId ?? randomUUID(), options.users, options.resources);
    this.#hostname = hostname;
    this.#tokenSeconds = options.tokenSeconds ?? 3599;
    this.#issuer = issuer;
    this.#onAnswer = options.onAnswer;
  }

  /** Starts it and resolves once it listens. */
  static async start(options: IdentityProviderOptions): Promise<IdentityProvider> {
    const { authority, port, address, hostnames = ['localhost', '127.0.0.1'] } = options;
    const provider = new IdentityProvider(options, hostnames[0] ?? 'localhost', await TokenIssuer.create());
    provider.#server = await PeerServer.start({
      credentials: await authority.issue({ names: hostnames }),
      port,
      address,
      onRequest: (request, response, reset) => provider.#serve(request, response, reset),
    });
    return provider;
  }

  get port(): number {
    return this.#running.port;
  }

  get url(): string {
    return `https://${this.#hostname}:${this.port}`;
  }

  /** All requests, the oldest first; of many the newest 10,000. */
  get requests(): readonly ReceivedRequest[] {
    return this.#received;
  }

  /** What the simulated Exchange needs to accept tokens of this provider for these audiences. */
  tokenRules(audiences: readonly string[]): TokenRules {
    return {
      audiences,
      keys: () => this.#issuer.keySet,
      authorizationUri: `${this.url}/common/oauth2/authorize`,
    };
  }

  /** A token without a sign-in; negative seconds make one that has expired. */
  async issueToken(user: string, audience: string, seconds = this.#tokenSeconds): Promise<string> {
    return this.#issuer.accessToken({
      user,
      audience,
      seconds,
      clientId: 'f8d98a96-0999-43f5-8af3-69971c7bb423',
      issuer: `https://sts.windows.net/${this.directory.tenantId}/`,
      tenantId: this.directory.tenantId,
    });
  }

  /** Ends all refresh tokens of a user. */
  revoke(user: string): void {
    this.#grants.revoke(user);
  }

  /** The user enters the code that a device shows; false when nobody waits for it. */
  approveDevice(userCode: string, user: string): boolean {
    return this.#grants.approveDevice(userCode, user);
  }

  /** Signs with a new key from now on. */
  async rotateKeys(): Promise<void> {
    await this.#issuer.rotate();
  }

  /** Refuses connections and resets those that are open, until `serve`. */
  kill(): void {
    this.#running.kill();
  }

  async serve(): Promise<void> {
    await this.#running.serve();
  }

  close(): Promise<void> {
    this.#running.close();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #running(): PeerServer {
    if (!this.#server) throw new Error('the identity provider was not started');
    return this.#server;
  }

  #serve(request: IncomingMessage, response: ServerResponse, reset: () => void): void {
    const target = request.url ?? '';
    const received: ReceivedRequest = {
      at: new Date().toISOString(),
      method: request.method ?? '',
      target,
      rawHeaders: request.rawHeaders,
      endpoint: endpointOf(target.split('?', 1)[0] ?? ''),
      body: Buffer.alloc(0),
      status: undefined,
    };
    this.#received.push(received);
    if (this.#received.length > mostReceived) this.#received.shift();
    const conversation = new Conversation(request, response, reset, {
      onAnswer: (status) => {
        received.status = status;
        this.#onAnswer?.(received);
      },
      onEnd: () => undefined,
    });
    const fault = this.faults.take({ command: received.endpoint?.purpose });
    void conversation.run(fault, async (body) => {
      received.body = body;
      return this.#respond(received);
    });
  }

  async #respond(received: ReceivedRequest): Promise<Reply> {
    const { endpoint, method, target, body } = received;
    if (!endpoint) return statusReply(404);
    const { dialect, purpose } = endpoint;
    const query = target.includes('?') ? target.slice(target.indexOf('?') + 1) : '';
    const context: TokenContext = {
      directory: this.directory,
      grants: this.#grants,
      issuer: this.#issuer,
      dialect,
      origin: this.url,
      tokenSeconds: this.#tokenSeconds,
    };
    switch (`${method} ${purpose}`) {
      case 'GET authorize':
        return authorize(query, context);
      case 'POST token':
        return token(body.toString('utf8'), headerOf(received, 'content-type'), context);
      case 'POST devicecode':
        return deviceCode(body.toString('utf8'), context);
      case 'GET keys':
        return jsonReply(200, this.#issuer.keySet);
      case 'GET configuration':
        return jsonReply(200, this.#configuration(endpoint));
      default:
        return statusReply(405);
    }
  }

  #configuration({ tenant, dialect }: Endpoint): object {
    const version = dialect === 'v2' ? '/v2.0' : '';
    const base = `${this.url}/${tenant}/oauth2${version}`;
    const anyTenant = tenant === 'common' || tenant === 'organizations';
    return {
      issuer: issuerOf(dialect, this.url, anyTenant ? '{tenantid}' : this.directory.tenantId),
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      device_authorization_endpoint: `${base}/devicecode`,
      jwks_uri: `${this.url}/${tenant}/discovery${version}/keys`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
  }
}

function headerOf({ rawHeaders }: ReceivedRequest, name: string): string | undefined {
  const at = rawHeaders.findIndex((value, index) => index % 2 === 0 && value.toLowerCase() === name);
  return at < 0 ? undefined : rawHeaders[at + 1];
}
