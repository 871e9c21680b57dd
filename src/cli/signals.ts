/** Runs `use` with a signal that the first Ctrl-C aborts; the second ends the process at once. */
export async function interruptible<T>(
  note: (text: string) => void,
  use: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    note('Stopping: what was found is reported; once more to stop at once.\n');
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  signals.forEach((name) => process.on(name, stop));
  try {
    return await use(controller.signal);
  } finally {
    signals.forEach((name) => process.off(name, stop));
  }
}
