// What happens to an exception in a handler when nobody asked for it.

/** Throws it where it takes no connection's state with it: as an uncaught exception of the process. */
export function throwOutside(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
