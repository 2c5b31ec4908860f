// Asks gateway pods for their report on the admin port, by mutual TLS under the gateway's own CA.
import { Agent } from 'undici';
import { type GatewayReport, gatewayReportSchema } from '../../../gateway/config/report.ts';
import { adminServerName } from '../../pki/gateway-keys.ts';
import type { KeyPair } from '../../translate/types.ts';

const ADMIN_PORT = 9443;
const DEADLINE_MS = 3000;

/** What the operator needs to be let in. */
export interface AdminAccess {
  readonly namespace: string;
  readonly name: string;
  readonly ca: string;
  readonly operator: KeyPair;
}

/** Holds the connections to the pods of one gateway, until its keys change. */
export class ReportReader {
  #agent: Agent | undefined;
  #access: AdminAccess | undefined;

  /** The report of the pod at this address. @throws Error in words when it cannot be read within 3 s */
  async read(access: AdminAccess, podIP: string): Promise<GatewayReport> {
    const address = podIP.includes(':') ? `[${podIP}]` : podIP;
    const { statusCode, body } = await this.#agentFor(access).request({
      origin: `https://${address}:${ADMIN_PORT}`,
      path: '/report',
      method: 'GET',
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`the admin port answered ${statusCode}`);
    return gatewayReportSchema.parse(JSON.parse(text));
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
    this.#agent = undefined;
  }

  #agentFor(access: AdminAccess): Agent {
    const before = this.#access;
    if (
      this.#agent !== undefined &&
      before?.ca === access.ca &&
      before.operator.key === access.operator.key
    ) {
      return this.#agent;
    }
    void this.#agent?.destroy();
    this.#access = access;
    this.#agent = new Agent({
      allowH2: false,
      connect: {
        ca: access.ca,
        cert: access.operator.certificate,
        key: access.operator.key,
        servername: adminServerName(access),
        timeout: DEADLINE_MS,
      },
    });
    return this.#agent;
  }
}
