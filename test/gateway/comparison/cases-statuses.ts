// Cases about results: every status code of the specification's section 3 and others that Exchange is known for, and statuses in WBXML.
import type { ClientProfile } from '../../peers/phone/clients/profile.ts';
import { statusOnly } from '../../peers/exchange/transaction.ts';
import { KINDS } from '../../peers/exchange/kinds.ts';
import {
  type AnswerSketch,
  type CaseSketch,
  type ComparisonCase,
  comparisonCase,
  filled,
} from './case-writer.ts';
import type { Line } from './message.ts';

const LOCATION: Line = ['X-MS-Location', 'https://outlook.office365.com/Microsoft-Server-ActiveSync'];
const PAGE = Buffer.from('<html><head><title>Error</title></head><body>\u00dcberlastet</body></html>\r\n');

interface StatusSketch {
  readonly status: number;
  readonly reason: string;
  readonly what?: string;
  readonly lines?: readonly Line[];
}

const STATUSES: readonly StatusSketch[] = [
  { status: 200, reason: '', what: 'without a reason' },
  { status: 204, reason: 'No Content' },
  { status: 301, reason: 'Moved Permanently', lines: [['Location', 'https://mail.corp.example.com/owa']] },
  { status: 302, reason: 'Found', lines: [['Location', '/owa/auth/errorFE.aspx?httpCode=500']] },
  { status: 400, reason: 'Bad Request' },
  { status: 403, reason: 'Forbidden' },
  { status: 404, reason: 'Not Found' },
  { status: 408, reason: 'Request Timeout' },
  { status: 409, reason: 'Conflict' },
  { status: 411, reason: 'Length Required' },
  { status: 413, reason: 'Request Entity Too Large' },
  { status: 429, reason: 'Too Many Requests', lines: [['Retry-After', '60']] },
  { status: 440, reason: 'Login Timeout' },
  { status: 449, reason: 'Retry after sending a PROVISION command' },
  { status: 451, reason: 'Unavailable For Legal Reasons', what: 'with X-MS-Location', lines: [LOCATION] },
  { status: 451, reason: 'Redirect', what: 'without X-MS-Location' },
  { status: 456, reason: 'Blocked' },
  {
    status: 457,
    reason: 'Credentials Expired',
    lines: [['X-MS-Credential-Service-Url', 'https://portal.example.com/ChangePassword.aspx']],
  },
  { status: 500, reason: 'Internal Server Error', lines: [['x-ms-diagnostics', '5000001;reason="x"']] },
  { status: 501, reason: 'Not Implemented' },
  { status: 505, reason: 'HTTP Version Not Supported' },
  { status: 507, reason: 'Insufficient disk space' },
];

/** They count against the server once several users have met them: those that do are all one user's. */
const FAILURES: readonly StatusSketch[] = [
  { status: 502, reason: 'Bad Gateway' },
  { status: 503, reason: 'Service Unavailable' },
  { status: 503, reason: 'Service Unavailable', what: 'with Retry-After', lines: [['Retry-After', '30']] },
  {
    status: 503,
    reason: 'Throttled',
    what: 'as Online throttles',
    lines: filled(KINDS.online.throttleHeaders.value),
  },
  { status: 504, reason: 'Gateway Timeout' },
];

/** MS-ASCMD 2.2.2. */
const WBXML_STATUSES = [110, 111, 126, 129, 130, 131, 138, 140, 141, 142, 143, 144, 177];

export function statusCases(client: ClientProfile): ComparisonCase[] {
  const http = STATUSES.map((sketch) => statusCase(client, sketch));
  // A device that was told to wait is held back at its next request: it has a user of its own.
  const failures = FAILURES.map((sketch) => ({
    ...statusCase(client, sketch),
    ...(sketch.lines === undefined && { user: 'failing@example.com' }),
  }));
  const wbxml = WBXML_STATUSES.map((status): CaseSketch => {
    const { body } = statusOnly('FolderSync', status);
    return { client, command: 'FolderSync', what: `status ${status}`, answer: { body: body as Buffer } };
  });
  return [...http, ...failures, ...wbxml].map((sketch) => comparisonCase(sketch));
}

function statusCase(client: ClientProfile, { status, reason, what, lines = [] }: StatusSketch): CaseSketch {
  const hasPage = status >= 400 && status !== 451;
  const answer: AnswerSketch = {
    status,
    reason,
    lines,
    ...(hasPage ? { body: PAGE, contentType: 'text/html; charset=utf-8' } : { body: Buffer.alloc(0) }),
  };
  return { client, command: 'FolderSync', what: `${status}${what === undefined ? '' : ` ${what}`}`, answer };
}
