// Requests written by hand: every byte of the target and every header line is the test's.
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import { HttpClient } from '../../peers/phone/http-client.ts';
import { element, type Element } from '../../peers/wbxml/element.ts';
import { encode } from '../../peers/wbxml/encode.ts';
import { pingRequest, syncRequest } from '../../peers/phone/requests.ts';
import type { GatewayFixture } from './gateway-fixture.ts';

export const PATH = '/Microsoft-Server-ActiveSync';
export const WBXML = 'application/vnd.ms-sync.wbxml';

export type HeaderLine = readonly [string, string];

export interface RawRequest {
  readonly method?: string;
  readonly target?: string;
  readonly command?: string;
  /** Of the query. */
  readonly user?: string;
  readonly deviceId?: string;
  readonly deviceType?: string;
  readonly authorization?: string;
  readonly headers?: readonly HeaderLine[];
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly contentLength?: number;
  readonly onBody?: (piece: Buffer) => void | Promise<void>;
  readonly signal?: AbortSignal;
  /** Default: the first listener's. */
  readonly hostname?: string;
}

export const basic = (user: string, password = 'secret'): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token that no Exchange would accept, and that names its user all the same. */
export function unsignedToken(claims: Record<string, unknown>): string {
  return `Bearer ${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}

/** A client that keeps its connection, as a phone does. */
export class RawPhone {
  private readonly client: HttpClient;
  private readonly gateway: GatewayFixture;

  /** @param localAddress to connect from, default 127.0.0.1 */
  constructor(gateway: GatewayFixture, localAddress?: string) {
    this.gateway = gateway;
    this.client = new HttpClient({ ...gateway.forPhones, ...(localAddress && { localAddress }) });
  }

  async send(request: RawRequest): Promise<HttpAnswer> {
    const { method = 'POST', body, contentLength, onBody, signal, authorization } = request;
    const origin = request.hostname === undefined ? this.gateway.url : this.gateway.urlOf(request.hostname);
    const headers: HeaderLine[] = [
      ...(authorization === undefined ? [] : [['Authorization', authorization] as const]),
      ...(request.headers ?? [['MS-ASProtocolVersion', '14.1'] as const, ['Content-Type', WBXML] as const]),
    ];
    return this.client.request(origin, {
      method,
      target: request.target ?? targetOf(request),
      headers,
      body,
      ...(contentLength !== undefined && { contentLength }),
      onBody,
      signal,
    });
  }

  close(): void {
    this.client.close();
  }
}

export function targetOf(request: RawRequest): string {
  if (request.command === undefined) return PATH;
  const { user = 'alice@example.com', deviceId = 'device1', deviceType = 'iPhone' } = request;
  return `${PATH}?Cmd=${request.command}&User=${encodeURIComponent(user)}&DeviceId=${deviceId}&DeviceType=${deviceType}`;
}

export const pingBody = (seconds: number): Uint8Array => encode(pingRequest(seconds, ['5']));

export function syncBody(
  options: { heartbeatSeconds?: number; commands?: readonly Element[] } = {},
): Uint8Array {
  const { heartbeatSeconds, commands } = options;
  return encode(
    syncRequest([{ id: '5', key: '{11111111-0000-0000-0000-000000000000}1', commands }], {
      ...(heartbeatSeconds !== undefined && { heartbeatSeconds }),
    }),
  );
}

export const deleteCommand = element('AirSync:Delete', element('AirSync:ServerId', '5:1'));
