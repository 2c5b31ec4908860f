// Keeps label values to sets that no client can enlarge.

const COMMANDS: ReadonlySet<string> = new Set([
  'Sync',
  'SendMail',
  'SmartForward',
  'SmartReply',
  'GetAttachment',
  'FolderSync',
  'FolderCreate',
  'FolderDelete',
  'FolderUpdate',
  'MoveItems',
  'GetItemEstimate',
  'MeetingResponse',
  'Search',
  'Settings',
  'Ping',
  'ItemOperations',
  'Provision',
  'ResolveRecipients',
  'ValidateCert',
  'Find',
  'OAuthAuthorize',
  'OAuthToken',
  'Autodiscover',
  'OAuthDeviceCode',
  'OAuthConfiguration',
]);
const VERSIONS: ReadonlySet<string> = new Set(['2.5', '12.0', '12.1', '14.0', '14.1', '16.0', '16.1']);
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'OPTIONS', 'HEAD', 'PUT', 'DELETE', 'PATCH']);
const MAX_REASONS = 128;
const REASON = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

/** A known command; a request without one by its method (`OPTIONS`, `GET`); `none`; else `other`. */
export function commandLabel(command: string, method: string): string {
  if (COMMANDS.has(command)) return command;
  if (command !== '') return 'other';
  return method === 'OPTIONS' || method === 'GET' ? method : 'none';
}

/** A known version of the protocol, `none` or `other`. */
export function versionLabel(version: string): string {
  if (VERSIONS.has(version)) return version;
  return version === '' ? 'none' : 'other';
}

/** A usual method, `none` or `other`. */
export function methodLabel(method: string): string {
  if (METHODS.has(method)) return method;
  return method === '' ? 'none' : 'other';
}

/** A status code of three digits, or 0 for a phone that went away before the answer. */
export function codeLabel(code: number): string {
  return code === 0 || (Number.isInteger(code) && code >= 100 && code <= 599) ? String(code) : 'other';
}

/** Reasons are constants of the pipeline: identifiers, and not many. Anything else is `other`. */
export class ReasonLabels {
  private readonly known = new Set<string>();

  of(reason: string): string {
    if (this.known.has(reason)) return reason;
    if (this.known.size >= MAX_REASONS || !REASON.test(reason)) return 'other';
    this.known.add(reason);
    return reason;
  }
}
