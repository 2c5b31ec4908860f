// Where a route asks to rewrite something, that is rewritten and nothing else: all cases of heads and statuses, once for each such route.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMPARISON_CASES } from './cases.ts';
import { Comparison, differences, type Setup } from './comparison.ts';
import { CONFIGURED } from './rewritings.ts';

const { redirectsRewrite, oauth, minProtocolVersion } = CONFIGURED;
const OAUTH = {
  authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
  tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
  gatewayResource: 'https://sentry.example.com',
  destinationResource: 'https://outlook.office365.com/',
  allowPasswordGrant: false,
  otherResources: 'Refuse',
} as const;

const SETUPS: Readonly<Record<string, Setup>> = {
  'of type OAuth': {
    route: { authentication: { type: 'OAuth', oauth: OAUTH } },
    configured: [redirectsRewrite, oauth],
  },
  'of type OAuth that passes challenges': {
    route: { authentication: { type: 'OAuth', oauth: { ...OAUTH, challenges: 'Pass' } } },
    configured: [redirectsRewrite],
  },
  'that passes redirects': { route: { redirects: { policy: 'Pass' } }, configured: [] },
  'that takes 16.1 alone': {
    route: { minProtocolVersion: '16.1' },
    configured: [redirectsRewrite, minProtocolVersion],
  },
};

const CASES = COMPARISON_CASES.filter(
  ({ client, command, version }) =>
    client === 'gmail' &&
    version === '16.1' &&
    (command === 'FolderSync' || command === 'OPTIONS' || command === 'GET'),
);

describe.each(Object.entries(SETUPS))('a route %s', (_, setup) => {
  let comparison: Comparison;

  beforeAll(async () => {
    comparison = await Comparison.start(setup);
  });

  afterAll(async () => {
    await comparison.stop();
  });

  test.each(CASES.map((each) => [each.name, each] as const))('%s', async (__, each) => {
    expect(differences(await comparison.run(each))).toEqual([]);
  });
});
