// How a phone proves who it is: Basic, or OAuth tokens that it gets through the gateway (spec/oauth).
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { retryAfterOf } from './http-answer.ts';
import type { HttpClient } from './http-client.ts';
import type { HttpAnswer } from './http-connection.ts';

/** Gives the Authorization header, and renews what it holds after a 401. */
export interface Credential {
  /** The header's value; undefined to send none. */
  authorization(http: HttpClient, signal?: AbortSignal): Promise<string | undefined>;
  /** Called after a 401: true when another attempt makes sense. */
  renew(http: HttpClient, signal?: AbortSignal): Promise<boolean>;
}

/** Sent as it is, e.g. the empty `Bearer` of iOS; undefined sends no header. */
export function fixedCredential(value: string | undefined): Credential {
  return { authorization: () => Promise.resolve(value), renew: () => Promise.resolve(false) };
}

export function basicCredential(user: string, password: string): Credential {
  return fixedCredential(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
}

export interface OAuthOptions {
  /** E.g. `https://sentry.example.com/proxyservice/oauth2/authorize`. */
  readonly signInUrl: string;
  /** E.g. `https://sentry.example.com/proxyservice/oauth2/token`. */
  readonly tokenUrl: string;
  /** v1: the audience, e.g. `https://sentry.example.com/`. */
  readonly resource?: string;
  /** v2: in place of `resource`. */
  readonly scope?: string;
  readonly loginHint: string;
  /** Proof key for the code (PKCE); default true. */
  readonly proofKey?: boolean;
  readonly clientId?: string;
  readonly redirectUri?: string;
  /** Called for what was asked and what came, e.g. to count it. */
  readonly onAnswer?: (what: 'authorize' | 'token', answer: HttpAnswer) => void;
}

/** The sign-in did not give a token; `error` is OAuth's error code where there was one. */
export class SignInFailure extends Error {
  override readonly name = 'SignInFailure';
  readonly error: string | undefined;
  readonly answer: HttpAnswer | undefined;

  constructor(message: string, error?: string, answer?: HttpAnswer) {
    super(message);
    this.error = error;
    this.answer = answer;
  }

  get retryAfterSeconds(): number | undefined {
    return this.answer && retryAfterOf(this.answer);
  }

  /** 503 with Retry-After: come back later, nothing is lost. */
  get unavailable(): boolean {
    return this.answer?.status === 503 && this.retryAfterSeconds !== undefined;
  }
}

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** In milliseconds since 1970. */
  readonly expires: number;
}

const mostRedirects = 5;

/** Authorization code flow with PKCE, then refresh tokens, as iOS does it. */
export class OAuthCredential implements Credential {
  readonly #options: OAuthOptions;
  #tokens: Tokens | undefined;

  constructor(options: OAuthOptions) {
    this.#options = options;
  }

  /** The access token, if the phone has signed in. */
  get accessToken(): string | undefined {
    return this.#tokens?.accessToken;
  }

  /** @throws {SignInFailure | ConnectionLost | WrongAnswer} */
  async authorization(http: HttpClient, signal?: AbortSignal): Promise<string> {
    if (this.#tokens && this.#tokens.expires <= Date.now() + 60_000) await this.renew(http, signal);
    if (!this.#tokens) await this.signIn(http, signal);
    return `Bearer ${this.#tokens?.accessToken}`;
  }

  async renew(http: HttpClient, signal?: AbortSignal): Promise<boolean> {
    const refreshToken = this.#tokens?.refreshToken;
    this.#tokens = undefined;
    if (refreshToken === undefined) return true;
    const form = {
      grant_type: 'refresh_token',
      client_id: this.#clientId,
      ...this.#audience,
      refresh_token: refreshToken,
    };
    try {
      this.#tokens = await this.#requestTokens(http, form, signal);
    } catch (error) {
      if (!(error instanceof SignInFailure) || error.error !== 'invalid_grant') throw error;
    }
    return true;
  }

  /** Signs in anew, whatever token is there. */
  async signIn(http: HttpClient, signal?: AbortSignal): Promise<void> {
    const redirectUri = this.#options.redirectUri ?? 'com.apple.Preferences://oauth-redirect';
    const { proofKey = true } = this.#options;
    const verifier = randomBytes(32).toString('base64url');
    const state = randomUUID().toUpperCase();
    const parameters = {
      response_type: 'code',
      client_id: this.#clientId,
      redirect_uri: redirectUri,
      ...this.#audience,
      display: 'ios',
      state,
      claims: '{"access_token":{"xms_cc":{"values":["cp1"]}}}',
      login_hint: this.#options.loginHint,
      ...(proofKey && {
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      }),
    };
    const code = await this.#authorize(http, { parameters, redirectUri, state, signal });
    const form = {
      grant_type: 'authorization_code',
      client_id: this.#clientId,
      code,
      redirect_uri: redirectUri,
      ...this.#audience,
      ...(proofKey && { code_verifier: verifier }),
    };
    this.#tokens = await this.#requestTokens(http, form, signal);
  }

  get #clientId(): string {
    return this.#options.clientId ?? 'f8d98a96-0999-43f5-8af3-69971c7bb423';
  }

  get #audience(): Record<string, string> {
    const { resource, scope } = this.#options;
    return { ...(resource !== undefined && { resource }), ...(scope !== undefined && { scope }) };
  }

  async #authorize(
    http: HttpClient,
    request: {
      parameters: Record<string, string>;
      redirectUri: string;
      state: string;
      signal: AbortSignal | undefined;
    },
  ): Promise<string> {
    const { signInUrl } = this.#options;
    let url = `${signInUrl}${signInUrl.includes('?') ? '&' : '?'}${formEncode(request.parameters)}`;
    for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
      const { origin, target } = splitUrl(url);
      const answer = await http.request(origin, {
        method: 'GET',
        target,
        headers: [],
        signal: request.signal,
      });
      this.#options.onAnswer?.('authorize', answer);
      const location = answer.header('location');
      if (answer.status !== 302 || location === undefined) throw failureOf('authorize', answer);
      if (location.startsWith(request.redirectUri)) return codeOf(location, request.state, answer);
      url = location;
    }
    throw new SignInFailure(`more than ${mostRedirects} redirects`);
  }

  async #requestTokens(
    http: HttpClient,
    form: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Tokens> {
    const { origin, target } = splitUrl(this.#options.tokenUrl);
    const answer = await http.request(origin, {
      method: 'POST',
      target,
      headers: [
        ['Accept', 'application/json'],
        ['Content-Type', 'application/x-www-form-urlencoded'],
      ],
      body: Buffer.from(formEncode(form)),
      signal,
    });
    this.#options.onAnswer?.('token', answer);
    if (answer.status !== 200) throw failureOf('token', answer);
    const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds } = jsonOf(answer);
    if (typeof accessToken !== 'string') throw new SignInFailure('token: no access_token', undefined, answer);
    return {
      accessToken,
      refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
      expires: Date.now() + Number(seconds ?? 3600) * 1000,
    };
  }
}

function codeOf(location: string, state: string, answer: HttpAnswer): string {
  const parameters = new URLSearchParams(location.slice(location.indexOf('?') + 1));
  const error = parameters.get('error');
  if (error !== null) {
    throw new SignInFailure(`authorize: ${parameters.get('error_description') ?? error}`, error, answer);
  }
  if (parameters.get('state') !== state)
    throw new SignInFailure('authorize: another state came back', undefined, answer);
  const code = parameters.get('code');
  if (code === null) throw new SignInFailure('authorize: no code', undefined, answer);
  return code;
}

function failureOf(what: string, answer: HttpAnswer): SignInFailure {
  const { error, error_description: description } = jsonOf(answer);
  const words = typeof description === 'string' ? description : answer.body.toString('utf8', 0, 200);
  return new SignInFailure(
    `${what}: HTTP ${answer.status} ${words}`,
    typeof error === 'string' ? error : undefined,
    answer,
  );
}

function jsonOf(answer: HttpAnswer): Record<string, unknown> {
  try {
    return JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function formEncode(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
}

function splitUrl(url: string): { origin: string; target: string } {
  const match = /^(https:\/\/[^/?#]+)([^#]*)$/.exec(url);
  if (!match) throw new SignInFailure(`not an https URL: ${url.slice(0, 100)}`);
  const target = match[2] ?? '';
  return { origin: match[1] ?? '', target: target.startsWith('/') ? target : `/${target}` };
}
