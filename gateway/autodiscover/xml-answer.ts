// Writes the answers of Autodiscover v1 (MS-ASCMD 2.2.1.1, 2.2.3.63, 2.2.3.64).
import { HeaderList } from '../http/headers.ts';
import type { PlainAnswer } from '../http/plain-answer.ts';

/** What a client must be ready to read, to be answered with settings. */
export const MOBILESYNC = 'http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006';
const ENVELOPE = 'http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006';

/** `600`: the request is not valid, or not for a domain of ours. `601`: nobody speaks the schema that was asked for. */
export type ErrorCode = 600 | 601;

const MESSAGES: Readonly<Record<ErrorCode, string>> = {
  600: 'Invalid Request',
  601: 'Provider is not available',
};

/** Where ActiveSync is for this address. */
export function settingsAnswer(address: string, url: string): PlainAnswer {
  const server = `<Type>MobileSync</Type><Url>${escape(url)}</Url><Name>${escape(url)}</Name>`;
  return actionAnswer(address, `<Settings><Server>${server}</Server></Settings>`);
}

/** Under which address to ask again. */
export function redirectAnswer(address: string, instead: string): PlainAnswer {
  return actionAnswer(address, `<Redirect>${escape(instead)}</Redirect>`);
}

/** @param status 200 as Exchange does, or 400 for what could not be read */
export function errorAnswer(code: ErrorCode, now: Date, status: 200 | 400 = 200): PlainAnswer {
  const time = now.toISOString().slice(11, -1);
  return xmlAnswer(
    status,
    `<Response><Error Time="${time}" Id="0"><ErrorCode>${code}</ErrorCode><Message>${MESSAGES[code]}</Message><DebugData /></Error></Response>`,
  );
}

function actionAnswer(address: string, action: string): PlainAnswer {
  const user = `<User><DisplayName>${escape(address)}</DisplayName><EMailAddress>${escape(address)}</EMailAddress></User>`;
  return xmlAnswer(
    200,
    `<Response xmlns="${MOBILESYNC}"><Culture>en:us</Culture>${user}<Action>${action}</Action></Response>`,
  );
}

function xmlAnswer(status: number, response: string): PlainAnswer {
  const document = `<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="${ENVELOPE}">${response}</Autodiscover>`;
  const headers = HeaderList.of(['Content-Type', 'text/xml; charset=utf-8'], ['Cache-Control', 'no-store']);
  return { status, headers, body: Buffer.from(document) };
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
