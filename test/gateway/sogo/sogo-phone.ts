// A phone's half of a conversation with SOGo: each request as it is told, each answer as it came.
import { HttpClient } from '../../peers/phone/http-client.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import { base64Query, plainQuery } from '../../peers/phone/query.ts';
import type { Element } from '../../peers/wbxml/element.ts';
import { encode } from '../../peers/wbxml/encode.ts';

export interface SogoPhoneOptions {
  readonly origin: string;
  readonly ca: string;
  /** Host name of the origin → 127.0.0.1. */
  readonly hosts: Readonly<Record<string, string>>;
  readonly user: string;
  readonly password: string;
  readonly deviceId: string;
  readonly version: string;
  readonly query: 'plain' | 'base64';
}

const PATH = '/Microsoft-Server-ActiveSync';
const WBXML = 'application/vnd.ms-sync.wbxml';

export class SogoPhone {
  private readonly http: HttpClient;
  private readonly options: SogoPhoneOptions;

  constructor(options: SogoPhoneOptions) {
    this.options = options;
    this.http = new HttpClient({ ca: options.ca, hosts: options.hosts });
  }

  /** OPTIONS with this password instead of the user's own. */
  offer(password = this.options.password): Promise<HttpAnswer> {
    const headers = this.headers(password);
    return this.http.request(this.options.origin, { method: 'OPTIONS', target: PATH, headers });
  }

  /** A command with a document, or with bytes of another type. */
  send(command: string, content: Element | Uint8Array, type = WBXML): Promise<HttpAnswer> {
    const { origin, query, version: protocolVersion, user, deviceId } = this.options;
    const fields = {
      command,
      user,
      deviceId,
      deviceType: 'iPhone',
      protocolVersion,
      saveInSent: type !== WBXML,
    };
    return this.http.request(origin, {
      method: 'POST',
      target: `${PATH}?${query === 'plain' ? plainQuery(fields) : base64Query(fields)}`,
      headers: [...this.headers(this.options.password), ['Content-Type', type]],
      body: 'tag' in content ? encode(content) : content,
    });
  }

  close(): void {
    this.http.close();
  }

  private headers(password: string): (readonly [string, string])[] {
    const { user, query, version } = this.options;
    const credential = Buffer.from(`${user}:${password}`).toString('base64');
    return [
      ['User-Agent', 'Apple-iPhone16C2/2201.53'],
      ['Authorization', `Basic ${credential}`],
      ...(query === 'plain' ? [['MS-ASProtocolVersion', version] as const] : []),
    ];
  }
}
