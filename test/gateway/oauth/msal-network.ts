// MSAL's requests by a fetch of the test's.
import type { INetworkModule, NetworkResponse } from '@azure/msal-node';
import type { Fetch } from './trusting-fetch.ts';

export function networkOf(fetch: Fetch): INetworkModule {
  return {
    sendGetRequestAsync: async (url, options) =>
      responseOf(await fetch(url, { headers: options?.headers ?? {} })),
    sendPostRequestAsync: async (url, options) =>
      responseOf(
        await fetch(url, { method: 'POST', headers: options?.headers ?? {}, body: options?.body ?? '' }),
      ),
  };
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the library says what it takes the JSON for
async function responseOf<T>(answer: Response): Promise<NetworkResponse<T>> {
  const { headers, status } = answer;
  return { headers: Object.fromEntries(headers), body: (await answer.json()) as T, status };
}
