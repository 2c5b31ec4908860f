// Two devices of one user, one connected to the server and one to the gateway before it: what they are answered is compared.
import { expect } from 'vitest';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import { decodeToXml } from '../eas/libwbxml.ts';
import type { SogoPhone } from './sogo-phone.ts';

/** An answer and its document, as libwbxml reads it; empty where it has none. */
export interface Answered {
  readonly answer: HttpAnswer;
  readonly xml: string;
}

/** Concern one connection only (RFC 9110, 7.6.1), or stand elsewhere in the head because each hop writes them anew. */
const FRAMING = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);
/** SOGo's time of day, and its counter that makes the keys of folder hierarchies differ from device to device. */
const VARIES = { header: 'date', hierarchyKey: /vm_[0-9a-f]+_[0-9a-f]+_\d+/g };

export class Twins {
  private readonly direct: SogoPhone;
  private readonly through: SogoPhone;

  constructor(direct: SogoPhone, through: SogoPhone) {
    this.direct = direct;
    this.through = through;
  }

  /** Lets one after the other ask; fails unless both are answered the same. Returns what the one without the gateway got. */
  async ask(ask: (phone: SogoPhone) => Promise<HttpAnswer>): Promise<Answered> {
    return same(await ask(this.direct), await ask(this.through));
  }

  /** The same with both at once; `meanwhile` is called when both have asked. */
  async askTogether(
    ask: (phone: SogoPhone) => Promise<HttpAnswer>,
    meanwhile: () => Promise<void>,
  ): Promise<Answered> {
    const answers = Promise.all([ask(this.direct), ask(this.through)]);
    const [[direct, through]] = await Promise.all([answers, meanwhile()]);
    return same(direct, through);
  }

  close(): void {
    this.direct.close();
    this.through.close();
  }
}

function same(direct: HttpAnswer, through: HttpAnswer): Answered {
  expect(comparable(through)).toEqual(comparable(direct));
  const isDocument =
    direct.body.length > 0 && direct.header('content-type') === 'application/vnd.ms-sync.wbxml';
  return { answer: direct, xml: isDocument ? decodeToXml(direct.body) : '' };
}

/** Everything that the server says, byte for byte, less what it says differently each time. */
function comparable({ status, reason, rawHeaders, body }: HttpAnswer) {
  const headers = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [{ name: name.toLowerCase(), line: `${name}: ${rawHeaders[at + 1]}` }] : [],
  );
  return {
    status,
    reason,
    headers: headers
      .filter(({ name }) => name !== VARIES.header && !FRAMING.has(name))
      .map(({ line }) => line),
    length: headers.find(({ name }) => name === 'content-length')?.line,
    body: body.toString('latin1').replaceAll(VARIES.hierarchyKey, 'vm_…'),
  };
}
