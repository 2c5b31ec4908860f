// Notices when the API server answers again, so that nobody sits out a back-off that has become pointless.

/** What is refused by one broken webhook for ever must not have everything tried again at each other success. */
const PAUSE_MS = 5000;

export class Availability {
  readonly #listeners = new Set<() => void>();
  #isTroubled = false;
  #timer: NodeJS.Timeout | undefined;

  /** No answer came, or a 5xx. */
  failed(): void {
    this.#isTroubled = true;
  }

  /** A request was answered properly: the first one after a failure tells all listeners, every five seconds at the most. */
  answered(): void {
    if (!this.#isTroubled || this.#timer !== undefined) return;
    this.#isTroubled = false;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
    }, PAUSE_MS);
    this.#timer.unref();
    for (const listener of this.#listeners) listener();
  }

  /** Calls the listener whenever the server answers again, until the signal aborts. */
  onRecovered(listener: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
  }
}
