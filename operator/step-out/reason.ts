// Why a pod is told to step out, in words.

const MOST_ROUTES = 3;
/** As much as a gateway takes. */
const MOST_CHARACTERS = 500;

/**
 * `no server of ExchangeRoute a/b is in reach here, while other pods reach one: <error>`, at most 500 characters.
 * @param before the reason so far: it stays while it is about the same routes, so that a status that repeats it stays too
 */
export function reasonOf(
  routes: readonly string[],
  reaches: ReadonlyMap<string, { readonly error?: string | undefined }>,
  before = '',
): string {
  const named = routes.slice(0, MOST_ROUTES).join(', ');
  const more = routes.length > MOST_ROUTES ? ` and ${routes.length - MOST_ROUTES} more` : '';
  const error = routes.map((route) => reaches.get(route)?.error).find((text) => text !== undefined);
  const kind = routes.length === 1 ? 'ExchangeRoute' : 'ExchangeRoutes';
  const text = `no server of ${kind} ${named}${more} is in reach here, while other pods reach one`;
  if (before.startsWith(text)) return before;
  return (error === undefined ? text : `${text}: ${error}`).slice(0, MOST_CHARACTERS);
}
