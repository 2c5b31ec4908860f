// Autodiscover, both versions: a client that knows a mail address alone is told that its ActiveSync server is this gateway.
import type { Snapshot } from '../config/snapshot.ts';
import { ACTIVESYNC_PATH } from '../eas/path.ts';
import { HeaderList } from '../http/headers.ts';
import type { PlainAnswer, PlainRequest } from '../http/plain-answer.ts';
import { type MailAddress, parseAddress } from './address.ts';
import { compileDomains, type DomainAnswer, type ListenerDomains } from './domains.ts';
import {
  missingAddress,
  missingProtocol,
  movedAnswer,
  unknownProtocol,
  unknownUser,
  urlAnswer,
} from './json-answer.ts';
import { parseAutodiscoverPath } from './path.ts';
import { errorAnswer, MOBILESYNC, redirectAnswer, settingsAnswer } from './xml-answer.ts';
import { parseXmlRequest, type XmlRequest, XmlRequestError } from './xml-request.ts';

const HTTPS_PORT = '443';
const PORT = /:([1-9][0-9]{0,4})$/;
const NOTHING = Buffer.alloc(0);
/** Of a client that was sent in a circle. */
const MAX_REDIRECTS = 10;

/** Answers the Autodiscover requests of one snapshot. */
export class Autodiscover {
  private readonly listeners: ReadonlyMap<string, ListenerDomains>;

  constructor(snapshot: Snapshot) {
    this.listeners = compileDomains(snapshot);
  }

  /** True for a path (without its query) that is answered here: none where no route of the listener takes part. */
  has(listener: string, path: string): boolean {
    return parseAutodiscoverPath(path) !== undefined && this.listeners.has(listener);
  }

  /** Answers a request of a path for which `has` is true. @param now for the time in errors of v1 */
  answer(listener: string, request: PlainRequest, now: Date): PlainAnswer {
    const mark = request.target.indexOf('?');
    const path = parseAutodiscoverPath(mark < 0 ? request.target : request.target.slice(0, mark));
    const domains = this.listeners.get(listener);
    if (path === undefined || domains === undefined) return emptyAnswer(404);
    if (!['GET', 'POST', 'OPTIONS'].includes(request.method)) return emptyAnswer(501);
    if (path.version === 'v1') return answerXml(domains, request, now);
    return answerJson(domains, request, path.address, mark < 0 ? '' : request.target.slice(mark + 1));
  }
}

/** The answer to a body above the limit. */
export function bodyTooLarge(): PlainAnswer {
  return emptyAnswer(413);
}

function answerXml(domains: ListenerDomains, request: PlainRequest, now: Date): PlainAnswer {
  if (request.method === 'OPTIONS') return methodNotAllowed('POST');
  if (request.method === 'GET') return errorAnswer(600, now);
  let read: XmlRequest;
  try {
    read = parseXmlRequest(request.body);
  } catch (error) {
    if (error instanceof XmlRequestError) return errorAnswer(600, now, 400);
    throw error;
  }
  if (read.acceptableSchema.toLowerCase() !== MOBILESYNC) {
    return errorAnswer(read.acceptableSchema === '' ? 600 : 601, now);
  }
  const address = parseAddress(read.address);
  const answer = address && lookUp(domains, address);
  if (address === undefined || answer === undefined) return errorAnswer(600, now);
  return answer.redirectDomain === undefined
    ? settingsAnswer(address.text, activeSyncUrl(domains, request))
    : redirectAnswer(address.text, `${address.local}@${answer.redirectDomain}`);
}

function answerJson(
  domains: ListenerDomains,
  request: PlainRequest,
  inPath: string | undefined,
  query: string,
): PlainAnswer {
  if (request.method !== 'GET') return methodNotAllowed('GET');
  const parameters = parametersOf(query);
  const protocol = parameters.get('protocol') ?? '';
  if (protocol.trim() === '') return missingProtocol();
  const address = parseAddress(inPath === undefined ? (parameters.get('email') ?? '') : decode(inPath));
  if (address === undefined) return missingAddress();
  if (protocol.toLowerCase() !== 'activesync') return unknownProtocol(protocol);
  const answer = lookUp(domains, address);
  const redirects = Number.parseInt(parameters.get('redirectcount') ?? '', 10) || 0;
  if (answer === undefined || (answer.redirectDomain !== undefined && redirects >= MAX_REDIRECTS)) {
    return unknownUser();
  }
  return answer.redirectDomain === undefined
    ? urlAnswer(activeSyncUrl(domains, request))
    : movedAnswer(elsewhere(address.local, answer.redirectDomain, redirects + 1));
}

function lookUp({ byDomain, others }: ListenerDomains, { domain }: MailAddress): DomainAnswer | undefined {
  return byDomain.get(domain) ?? others;
}

/** On the port at which the client has reached the gateway: what lies before it may have another one. */
function activeSyncUrl({ host }: ListenerDomains, request: PlainRequest): string {
  const port = PORT.exec(request.host)?.[1] ?? HTTPS_PORT;
  return `https://${host}${port === HTTPS_PORT ? '' : `:${port}`}${ACTIVESYNC_PATH}`;
}

/** Where a client would look for the domain by itself. */
function elsewhere(local: string, domain: string, redirects: number): string {
  const email = encodeURIComponent(`${local}@${domain}`);
  return `https://autodiscover.${domain}/autodiscover/autodiscover.json?Email=${email}&Protocol=ActiveSync&RedirectCount=${redirects}`;
}

/** The first value of each name, in lower case. */
function parametersOf(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const lowerName = name.toLowerCase();
    if (!parameters.has(lowerName)) parameters.set(lowerName, value);
  }
  return parameters;
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return '';
  }
}

function methodNotAllowed(allowed: string): PlainAnswer {
  return { status: 405, headers: HeaderList.of(['Allow', allowed]), body: NOTHING };
}

function emptyAnswer(status: number): PlainAnswer {
  return { status, headers: new HeaderList(), body: NOTHING };
}
