// Status codes of Exchange, with the header lines that belong to them.
import type { Line } from '../../gateway/comparison/message.ts';
import { exchangeCase, type ExchangeCase, plainTarget, protocolVersion } from './exchange-case.ts';

const answered = (
  name: string,
  status: number,
  reason: string,
  headers: readonly Line[] = [],
): ExchangeCase =>
  exchangeCase(name, {
    target: plainTarget('Settings'),
    headers: [protocolVersion('14.1')],
    answer: { status, reason, headers },
  });

const RESET: Line = ['X-MS-Credential-Service-Url', 'https://portal.example.com/ChangePassword.aspx'];

export const statusCases: readonly ExchangeCase[] = [
  answered('status 200', 200, 'OK'),
  answered('status 400', 400, 'Bad Request'),
  answered('status 401', 401, 'Unauthorized', [['WWW-Authenticate', 'Basic realm="mail.example.com"']]),
  answered('status 403', 403, 'Forbidden'),
  answered('status 404', 404, 'Not Found'),
  answered('status 449', 449, 'Retry With'),
  answered('status 451', 451, 'Redirect'),
  answered('status 456', 456, 'Blocked'),
  answered('status 457', 457, 'Expired Password', [RESET]),
  answered('status 500', 500, 'Internal Server Error'),
  answered('status 501', 501, 'Not Implemented'),
  answered('status 502', 502, 'Proxy Error'),
  answered('status 503', 503, 'Service Unavailable'),
  answered('status 503, throttled', 503, 'Service Unavailable', [
    ['Retry-After', '120'],
    ['X-MS-ASThrottle', 'CommandFrequency'],
  ]),
  answered('status 507', 507, 'Insufficient Disk Space'),
];
