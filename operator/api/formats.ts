// Grammars of the API's strings: each pattern means the same in RE2 (API server) and in JavaScript (file provider).
import * as z from 'zod';

const label = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
const labelFromLetter = '[a-z]([-a-z0-9]{0,61}[a-z0-9])?';
const anyCaseLabel = '[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?';
const anyCaseLabelFromLetter = '[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?';
const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const ipv4 = `${octet}([.]${octet}){3}`;
const group = '[0-9A-Fa-f]{1,4}';

/** RFC 4291 section 2.2, forms 1 and 2; an embedded IPv4 address (form 3) is not taken. */
const ipv6 = [
  `(${group}:){7}${group}`,
  `(${group}:){1,7}:`,
  `(${group}:){1,6}:${group}`,
  `(${group}:){1,5}(:${group}){1,2}`,
  `(${group}:){1,4}(:${group}){1,3}`,
  `(${group}:){1,3}(:${group}){1,4}`,
  `(${group}:){1,2}(:${group}){1,5}`,
  `${group}:(:${group}){1,6}`,
  `:((:${group}){1,7}|:)`,
].join('|');

/** 1 to 65535 without leading zeros. */
const port = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const urlHost = `((${anyCaseLabel}[.])*${anyCaseLabelFromLetter}|${ipv4}|\\[(${ipv6})\\])`;
const httpsOrigin = `https://${urlHost}(:${port})?`;
/** RFC 3986 path characters; a query takes ? too. */
const urlCharacter = "[-A-Za-z0-9._~!$&'()*+,;=:@%/]";
const keyName = '[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?';
const userCharacter = '[^\\x00-\\x20\\x7f-\\xa0\\\\@/]';
const userWords = `${userCharacter}+( ${userCharacter}+)*`;

/** The grammar of a string, and what to do when it is broken. */
export interface Format {
  readonly pattern: string;
  /** In Unicode characters. */
  readonly maxLength: number;
  readonly message: string;
}

export const formats = {
  hostname: {
    pattern: `^(${label}[.])*${labelFromLetter}$`,
    maxLength: 253,
    message:
      'use a host name in lower case without a final dot, such as sentry.example.com: no URL, port, wildcard or IP address',
  },
  dnsLabel: {
    pattern: `^${label}$`,
    maxLength: 63,
    message: 'use at most 63 lower-case letters, digits and hyphens',
  },
  /** Name of one of our own objects. */
  resourceName: {
    pattern: '^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$',
    maxLength: 40,
    message: 'use at most 40 lower-case letters, digits and hyphens, beginning with a letter',
  },
  /** Name of any object (RFC 1123 subdomain). */
  objectName: {
    pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
    maxLength: 253,
    message: 'use a name of Kubernetes: lower-case letters, digits, hyphens and dots',
  },
  /** Kind of an object. */
  kind: {
    pattern: '^[A-Z][A-Za-z0-9]*$',
    maxLength: 63,
    message: 'use a kind such as Issuer or ClusterIssuer: letters and digits, beginning with a capital',
  },
  /** Key of a Secret or ConfigMap; `.`, `..` and what begins with `..` are not keys. */
  dataKey: {
    pattern: '^([-_a-zA-Z0-9]|[.][-_a-zA-Z0-9])[-._a-zA-Z0-9]*$',
    maxLength: 253,
    message: 'use a key such as ca.crt: letters, digits, hyphens, dots and underscores',
  },
  serverURL: {
    pattern: `^${httpsOrigin}/?$`,
    maxLength: 512,
    message: 'use https://host or https://host:port, without a path',
  },
  redirectHost: {
    pattern: `^([*][.])?(${label}[.])*${labelFromLetter}(:${port})?$`,
    maxLength: 261,
    message: 'use a host such as outlook.office365.com, *.example.com or host:8443, in lower case',
  },
  oauthEndpoint: {
    pattern: `^${httpsOrigin}(/${urlCharacter}*)?([?](${urlCharacter}|[?])*)?$`,
    maxLength: 2048,
    message: 'use an https URL without user and fragment',
  },
  oauthResource: {
    pattern: `^${httpsOrigin}(/${urlCharacter}*)?$`,
    maxLength: 2048,
    message: 'use an https URL such as https://outlook.office365.com/, without user, query and fragment',
  },
  tenantId: {
    pattern: '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$',
    maxLength: 36,
    message: 'use a tenant id such as 72f988bf-86f1-41af-91ab-2d7cd011db47',
  },
  clientId: {
    pattern: '^[!-~]+$',
    maxLength: 128,
    message: 'use the client id of an app, such as f8d98a96-0999-43f5-8af3-69971c7bb423',
  },
  /** RFC 6749, 3.3; claims of tokens name them without the resource. */
  scope: {
    pattern: '^[!#-\\[\\]-~]+$',
    maxLength: 256,
    message: 'use the name of a scope as tokens carry it, such as EAS.AccessAsUser.All',
  },
  domain: {
    pattern: '^[A-Za-z0-9][-_A-Za-z0-9]{0,62}([.][A-Za-z0-9][-_A-Za-z0-9]{0,62})*$',
    maxLength: 253,
    message:
      'use a domain such as example.com or a NetBIOS name such as EXAMPLE: no @, wildcard, final dot or spaces',
  },
  user: {
    pattern: `^(${userWords}\\\\)?${userWords}(@[A-Za-z0-9][-_.A-Za-z0-9]*)?$`,
    maxLength: 320,
    message: 'use ann@example.com, EXAMPLE\\ann or ann, without spaces around it',
  },
  deviceType: {
    pattern: '^[!-~]+( [!-~]+)*$',
    maxLength: 64,
    message: 'use the type that phones send, such as iPhone, without spaces around it',
  },
  ipAddress: {
    pattern: `^(${ipv4}|${ipv6})$`,
    maxLength: 45,
    message: 'use an IPv4 or IPv6 address such as 10.0.0.7',
  },
  /** An address range; that it begins with its first address is a rule. */
  cidr: {
    pattern: `^(${ipv4}/(3[0-2]|[12]?[0-9])|(${ipv6})/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$`,
    maxLength: 43,
    message: 'use an address range such as 10.0.0.0/8 or 2001:db8::/32; one address is 10.1.2.3/32',
  },
  labelKey: {
    pattern: `^(${label}([.]${label})*/)?${keyName}$`,
    maxLength: 317,
    message: 'use label keys such as team or example.com/team',
  },
  annotationKey: {
    pattern: `^(${anyCaseLabel}([.]${anyCaseLabel})*/)?${keyName}$`,
    maxLength: 317,
    message: 'use annotation keys such as note or example.com/note',
  },
  labelValue: {
    pattern: `^(${keyName})?$`,
    maxLength: 63,
    message: 'use a label value: at most 63 letters, digits, hyphens, dots and underscores',
  },
  loadBalancerClass: {
    pattern: `^(${label}([.]${label})*/)?${keyName}$`,
    maxLength: 317,
    message: 'use a class such as example.com/internal, as the load balancer documents it',
  },
  /** Of resolv.conf(5). */
  searchDomain: {
    pattern: `^(${label}[.])*${label}[.]?$`,
    maxLength: 253,
    message: 'use a domain in lower case, such as corp.example.com',
  },
  dnsOption: {
    pattern: '^[a-z0-9][-a-z0-9]{0,31}$',
    maxLength: 32,
    message: 'use the name of an option of resolv.conf, such as ndots',
  },
  dnsOptionValue: {
    pattern: '^[0-9]{1,6}$',
    maxLength: 6,
    message: "use a number in quotes, such as '2'",
  },
  quantity: {
    pattern: '^[0-9]{1,15}([.][0-9]{1,9})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$',
    maxLength: 32,
    message: 'use a quantity such as 500m or 256Mi',
  },
} as const satisfies Record<string, Format>;

/** A string of a format. The CRD carries the message too, because the API server's own only repeats the pattern. */
export function text({ pattern, maxLength, message }: Format) {
  return z
    .string()
    .max(maxLength)
    .regex(new RegExp(pattern), message)
    .meta({ 'x-kubernetes-validations': [{ rule: `self.matches(${celString(pattern)})`, message }] });
}

/** A raw string literal of CEL. */
export function celString(value: string): string {
  if (value.includes('"')) throw new Error(`No raw string of CEL holds a double quote: ${value}`);
  return `r"${value}"`;
}

/** Whether a whole string is of a format. */
export function isOfFormat({ pattern, maxLength }: Format, value: string): boolean {
  return value.length <= maxLength && new RegExp(pattern).test(value);
}
