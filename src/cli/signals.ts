/** Runs `use` with a signal that the first Ctrl-C aborts; the second ends the process at once. */
export async function interruptible<T>(
  note: (text: string) => void,
  use: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    note('Stopping after this batch; once more to stop at once.\n');
    controller.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await use(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
