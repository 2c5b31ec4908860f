// What errors of sign-ins mean, and what is to be done: the fixed reasons of `sentry_sign_in_errors_total`, and docs/tasks/troubleshoot.md.
// The codes are those of Microsoft's public list (learn.microsoft.com/entra/identity-platform/reference-error-codes).

export interface Diagnosis {
  readonly reason: string;
  /** What an admin is to do. */
  readonly action: string;
  /** It belongs to everyday life: the phone helps itself. */
  readonly everyday?: true;
}

/** Of Entra ID: `AADSTS` and one of these numbers. */
export interface CodedDiagnosis extends Diagnosis {
  readonly codes: readonly number[];
}

/** Of Exchange: the `error_category` of `x-ms-diagnostics`. */
export interface CategorizedDiagnosis extends Diagnosis {
  readonly category: string;
}

export const IDENTITY_PROVIDER_DIAGNOSES: readonly CodedDiagnosis[] = [
  {
    reason: 'resource-unknown',
    codes: [50001, 500011, 650052, 650054],
    action: 'correct destinationResource: the tenant does not know it; or the endpoints name another tenant',
  },
  {
    reason: 'resource-not-permitted',
    codes: [65002, 65005, 650056, 650057],
    action:
      "give the phones' app a permission for Exchange in its registration (EAS.AccessAsUser.All), and consent to it",
  },
  {
    reason: 'consent-missing',
    codes: [65001, 65004, 90094, 90095],
    action: "let an administrator consent to the phones' app for the whole tenant",
  },
  {
    reason: 'resource-at-v2-endpoint',
    codes: [901002],
    action: 'the endpoint speaks v2 and was sent a resource: see authentication.oauth.protocol and both URLs',
  },
  {
    reason: 'scope-invalid',
    codes: [28002, 28003, 70011, 700022, 700023],
    action: 'correct destinationResource: the scope that is made of it is not one of Exchange',
  },
  {
    reason: 'client-unknown',
    codes: [70001, 700011, 700016, 7000112],
    action:
      "the phones' app does not exist in this tenant, or is disabled: compare its client id and the tenant in the URLs",
  },
  {
    reason: 'client-not-public',
    codes: [70002, 700025, 700027, 7000215, 7000218, 7000222],
    action:
      "allow public client flows for the phones' app: phones hold no secret, and client assertions do not pass the gateway",
  },
  {
    reason: 'redirect-uri-unknown',
    codes: [50011, 70004, 900971],
    action: "add the phones' redirect URI to their app",
  },
  {
    reason: 'tenant-wrong',
    codes: [50059, 50128, 50194, 90002, 90019, 90038, 90124, 90130, 700005, 9001023],
    action:
      'put the tenant id in place of common into authorizationEndpoint and tokenEndpoint, at the right cloud',
  },
  {
    reason: 'tenant-restricted',
    codes: [50002, 500021, 500022, 500212, 500213],
    action:
      'tenant restrictions or cross-tenant access settings refuse this tenant: change them, or the proxy that sets them',
  },
  {
    reason: 'user-unknown',
    codes: [16000, 50014, 50020, 50034, 51004, 90072],
    action: 'the account is not in this tenant: compare the tenant in the URLs and the address on the phone',
  },
  {
    reason: 'user-not-assigned',
    codes: [50105],
    action: "assign the user to the phones' app, or switch assignment off for it",
  },
  { reason: 'user-disabled', codes: [50057], action: 'the account is disabled' },
  {
    reason: 'account-locked',
    codes: [50053],
    action: "see the sign-in log: too many wrong passwords, or the gateway's address has a bad name there",
  },
  {
    reason: 'password-wrong',
    codes: [50056, 50064, 50126],
    action: 'nothing, if it is rare: users mistype',
    everyday: true,
  },
  { reason: 'password-expired', codes: [50055, 50144], action: 'the user has to change the password' },
  {
    reason: 'mfa-required',
    codes: [50072, 50074, 50076, 50078, 50079, 50158],
    action:
      'the user has to sign in again with a second factor; if it comes often: see the policy that asks for it',
  },
  {
    reason: 'device-required',
    codes: [50097, 50127, 50129, 50155, 50187, 53000, 53001],
    action:
      'Conditional Access asks for a managed device, which the sign-in does not prove: enrol it, or except the app',
  },
  {
    reason: 'app-not-approved',
    codes: [53002],
    action: 'Conditional Access asks for an approved app: the mail app of the phone is none',
  },
  {
    reason: 'conditional-access',
    codes: [50005, 50131, 53003, 53004, 53011, 530032],
    action:
      "see the sign-in log for the policy; one by location sees the phone's address at authorize, and the gateway's at token",
  },
  {
    reason: 'security-defaults',
    codes: [530035],
    action:
      'security defaults refuse this kind of sign-in (password grant?): use another grant, or Conditional Access',
  },
  {
    reason: 'refresh-token-expired',
    codes: [50089, 50132, 50133, 50173, 70000, 70008, 70043, 700082, 700084],
    action:
      'nothing: the phone asks its user to sign in again (password changed, tokens revoked, long unused)',
    everyday: true,
  },
  {
    reason: 'code-invalid',
    codes: [50147, 54005, 501481, 501491],
    action:
      'nothing, if it is rare: a sign-in was repeated; else something between phone and gateway sends requests twice',
  },
  {
    reason: 'device-code-pending',
    codes: [70016, 70018, 70019],
    action: 'nothing: the phone waits for its user to enter the code',
    everyday: true,
  },
  {
    reason: 'request-invalid',
    codes: [70003, 90013, 90014, 90023, 90100, 900144, 900561, 9002313],
    action:
      'the phone asked for something that Entra ID does not do: which app is it, and do both URLs fit each other?',
  },
  {
    reason: 'client-loops',
    codes: [50196],
    action:
      'a phone asks for tokens again and again: does Exchange refuse them (see the errors of Exchange)?',
  },
  {
    reason: 'federation-failed',
    codes: [20001, 20012, 20033, 40008, 40009, 40010, 40015, 50008, 50107],
    action: 'see the federated identity provider (AD FS)',
  },
  {
    reason: 'provider-unavailable',
    codes: [50033, 50087, 80001, 80002, 80005, 80007, 90006, 90012, 90024, 90033, 90055, 90090],
    action: 'wait, and see the health of Entra ID and of its authentication agents; phones ask again',
  },
];

export const EXCHANGE_DIAGNOSES: readonly CategorizedDiagnosis[] = [
  {
    reason: 'audience-wrong',
    category: 'invalid_resource',
    action:
      'set destinationResource to the URL that Exchange is known by (for Exchange Online https://outlook.office365.com/), https and without a port',
  },
  {
    reason: 'tenant-unknown',
    category: 'invalid_tenant',
    action:
      'the token is of a tenant that Exchange does not serve: compare the tenant in the URLs with the servers',
  },
  {
    reason: 'signature-invalid',
    category: 'invalid_signature',
    action:
      'Exchange does not know the key of the identity provider: refresh its authorization server (Get-AuthServer)',
  },
  {
    reason: 'token-invalid',
    category: 'invalid_token',
    action:
      'nothing, if it is rare: the phone gets a new token; else compare the clocks of Exchange and of the phones',
    everyday: true,
  },
  {
    reason: 'token-expired',
    category: 'token_expired',
    action: 'nothing: the phone gets a new token',
    everyday: true,
  },
  {
    reason: 'user-unknown',
    category: 'invalid_user',
    action:
      'the user of the token has no mailbox here: is the UPN the same in both directories, and the route the right one?',
  },
  {
    reason: 'client-refused',
    category: 'invalid_client',
    action:
      "Exchange does not let the phones' app in: see its partner applications and authentication policies",
  },
  {
    reason: 'permission-missing',
    category: 'invalid_grant',
    action:
      'the token lacks a permission for ActiveSync (EAS.AccessAsUser.All): see the permissions of the app',
  },
  {
    reason: 'certificate-invalid',
    category: 'invalid_certificate',
    action: "see Exchange's own authorization certificate (Get-AuthConfig)",
  },
  {
    reason: 'oauth-off',
    category: 'oauth_not_available',
    action: 'enable OAuth for ActiveSync in Exchange (modern authentication)',
  },
  { reason: 'internal-error', category: 'internal_error', action: "see Exchange's event log" },
];

/** Of everything else. */
export const OTHER: Diagnosis = {
  reason: 'other',
  action: 'look the code up at the identity provider, or in the log of Exchange',
};
