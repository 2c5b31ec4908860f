// Judges a request against what the same device sent before: it must stay one device, with its own cookies.
import type { Device } from './device.ts';
import type { Finding } from './head-judge.ts';
import type { Organisation } from './organisation.ts';

export interface DeviceRequest {
  readonly deviceType: string;
  readonly userAgent: string | undefined;
  /** The Cookie header, undecoded. */
  readonly cookie: string | undefined;
  /** The user that the query names, if any. */
  readonly queryUser: string | undefined;
  /** Whether the client must return cookies: protocol 16.0 and later, or OAuth (MS-ASHTTP R4076). */
  readonly returnsCookies: boolean;
}

/** After so many answers with the cookie, a client that must return cookies has had it. */
const patience = 3;

/** All breaches of continuity; also notes on the device what it has sent. */
export function judgeDevice(device: Device, request: DeviceRequest, organisation: Organisation): Finding[] {
  return [
    ...judgeType(device, request),
    ...judgeUserAgent(device, request),
    ...judgeCookies(device, request, organisation),
    ...judgeUser(device, request, organisation),
  ];
}

function* judgeType(device: Device, { deviceType }: DeviceRequest): Generator<Finding> {
  if (deviceType !== device.type) {
    yield {
      rule: 'device-type-changed',
      message: `the device type was ${device.type} and is ${deviceType}`,
      reference: 'MS-ASHTTP R110',
    };
  }
}

function* judgeUserAgent(device: Device, { userAgent }: DeviceRequest): Generator<Finding> {
  if (userAgent === undefined) {
    yield { rule: 'user-agent', message: 'User-Agent is missing', reference: 'MS-ASHTTP R411' };
    return;
  }
  if (device.userAgent !== undefined && device.userAgent !== userAgent) {
    yield {
      rule: 'user-agent-changed',
      message: `User-Agent was ${device.userAgent} and is ${userAgent}`,
      reference: 'MS-ASHTTP R415',
    };
  }
  device.userAgent = userAgent;
}

function* judgeCookies(
  device: Device,
  request: DeviceRequest,
  organisation: Organisation,
): Generator<Finding> {
  const sent = cookiesOf(request.cookie);
  for (const [name, value] of sent) {
    const owner = organisation.cookieOwner(value);
    if (owner && owner !== device) {
      yield {
        rule: 'cookie-mixed',
        message: `${name} was given to device ${owner.id} of ${owner.user}`,
        reference: 'MS-ASHTTP R4076',
      };
    } else if (!owner) {
      yield {
        rule: 'cookie-unknown',
        message: `${name} was never given to anybody`,
        reference: 'MS-ASHTTP R4071',
      };
    }
  }
  const complete = device.cookies.every(({ name, value }) => sent.get(name) === value);
  // A client that has lost its cookies (a new installation) is offered them again.
  if (device.cookieReturned && !complete) device.cookieOffers = 0;
  device.cookieReturned = complete;
  if (!complete && request.returnsCookies && device.cookieOffers >= patience) {
    yield {
      rule: 'cookie-missing',
      message: `${device.cookieOffers} answers carried cookies that did not come back`,
      reference: 'MS-ASHTTP R4076',
    };
  }
}

function* judgeUser(
  device: Device,
  { queryUser }: DeviceRequest,
  organisation: Organisation,
): Generator<Finding> {
  if (queryUser === undefined) return;
  if (organisation.mailboxOf(queryUser)?.user !== device.user) {
    yield {
      rule: 'user-mismatch',
      message: `the query names ${queryUser}, the credential ${device.user}`,
      reference: 'MS-ASHTTP 2.2.1.1.1.2.2',
    };
  }
}

function cookiesOf(header: string | undefined): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at > 0) cookies.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim());
  }
  return cookies;
}
