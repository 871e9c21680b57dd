/** Lets the process hear its signals and timers: work that only ever waits for promises would keep them out. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
