/** Does things one after another, whoever asks for them. */
export class OneAtATime {
  #last: Promise<void> = Promise.resolve();

  /** Runs `use` when all that was asked for before is settled. The next one begins before whoever asked for this one goes on. */
  async run<T>(use: () => Promise<T>): Promise<T> {
    const before = this.#last;
    let done: () => void = () => undefined;
    this.#last = new Promise((resolve) => (done = resolve));
    await before;
    try {
      return await use();
    } finally {
      done();
    }
  }
}
