// Writes the answers of Autodiscover v2. Its errors are those that Exchange gives.
import { HeaderList } from '../http/headers.ts';
import type { PlainAnswer } from '../http/plain-answer.ts';

const PROTOCOL = 'ActiveSync';
const MAX_ECHO = 64;

/** Where ActiveSync is. */
export function urlAnswer(url: string): PlainAnswer {
  return jsonAnswer(200, { Protocol: PROTOCOL, Url: url });
}

/** Where to ask again. */
export function movedAnswer(location: string): PlainAnswer {
  const headers = HeaderList.of(['Location', location], ['Cache-Control', 'no-store']);
  return { status: 302, headers, body: Buffer.alloc(0) };
}

export function missingProtocol(): PlainAnswer {
  return refusal(
    400,
    'MandatoryParameterMissing',
    "A valid value must be provided for the query parameter 'Protocol'",
  );
}

export function missingAddress(): PlainAnswer {
  return refusal(400, 'MandatoryParameterMissing', 'A valid smtp address must be provided');
}

export function unknownProtocol(protocol: string): PlainAnswer {
  const value = protocol.slice(0, MAX_ECHO);
  return refusal(
    400,
    'InvalidProtocol',
    `The given protocol value '${value}' is invalid. Supported values are '${PROTOCOL}'`,
  );
}

/** The domain is not one of ours. */
export function unknownUser(): PlainAnswer {
  return refusal(404, 'UserNotFound', 'The given user is not found');
}

function refusal(status: number, code: string, message: string): PlainAnswer {
  return jsonAnswer(status, { ErrorCode: code, ErrorMessage: message });
}

function jsonAnswer(status: number, content: object): PlainAnswer {
  const headers = HeaderList.of(
    ['Content-Type', 'application/json; charset=utf-8'],
    ['Cache-Control', 'no-store'],
  );
  return { status, headers, body: Buffer.from(JSON.stringify(content)) };
}
