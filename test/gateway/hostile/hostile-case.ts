// One attack on the gateway as data, and how requests of the codec's corpus become attacks through it.

export interface HostileCase {
  /** What is done, as a sentence. */
  readonly name: string;
  /** In latin1, to be aimed. */
  readonly raw: string;
  /** What the gateway and the server behind it are to make of it. */
  readonly expected: Expectation;
}

/**
 * `refused`: answered by the gateway with this status, the connection closed, nothing handed on. `answered`: likewise, and the
 * connection may go on. `passes`: so many requests are handed on, each exactly as it was sent. `waits`: nothing is
 * handed on and nothing answered. `closes`: the connection ends, in whatever way.
 */
export type Expectation =
  | { readonly kind: 'refused'; readonly status: number; readonly passedBefore?: number }
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'passes'; readonly requests: number }
  | { readonly kind: 'waits' }
  | { readonly kind: 'closes' };

/** Stands for the path, query and device of a request that the gateway forwards; more may follow it. */
export const TARGET =
  '/Microsoft-Server-ActiveSync?Cmd=FolderSync&User={user}&DeviceId={device}&DeviceType=iPhone';
export const AUTHORIZATION = 'Authorization: Basic {credential}';
export const HOST = 'Host: sentry.example.com';

/** Whose request it is: the user's domain chooses the server, the device tells cases apart. */
export interface Aim {
  readonly user: string;
  readonly device: string;
}

/** Puts user, device and credential in their places. */
export function aimed(raw: string, { user, device }: Aim): string {
  return raw
    .replaceAll('{user}', encodeURIComponent(user))
    .replaceAll('{device}', device)
    .replaceAll('{credential}', Buffer.from(`${user}:secret`).toString('base64'));
}

/**
 * Makes a request of the corpus one that the gateway would forward if it were good: on ActiveSync's path, with a credential. What
 * is wrong with it stays; a target that was not `/` goes on behind the query.
 */
export function throughGateway(raw: string): string {
  const onPath = raw
    .replaceAll(/\/Microsoft-Server-ActiveSync(?:\?Cmd=Ping)?(?= )/g, TARGET)
    .replaceAll(/(^|\r\n|\r)([A-Za-z@\xc9]+[ \t\v]+)\/(?!Microsoft)/g, (_, start: string, method: string) => {
      return `${start}${method}${TARGET}`;
    });
  if (/^Authorization/im.test(onPath)) return onPath;
  return onPath.replaceAll(
    /\r\n(Host:[^\r\n]*)\r\n/gi,
    (_, host: string) => `\r\n${host}\r\n${AUTHORIZATION}\r\n`,
  );
}

/** A good request with these further lines. */
export function request(
  options: {
    readonly method?: string;
    readonly target?: string;
    readonly lines?: readonly string[];
    readonly body?: string;
    readonly authorization?: string;
    readonly host?: string;
  } = {},
): string {
  const { method = 'POST', target = TARGET, lines = [], body = '' } = options;
  const { authorization = AUTHORIZATION, host = HOST } = options;
  return [`${method} ${target} HTTP/1.1`, host, authorization, ...lines, '', body].join('\r\n');
}

/** With its length. */
export function withBody(body: string, lines: readonly string[] = []): string {
  return request({ lines: [`Content-Length: ${body.length}`, ...lines], body });
}
