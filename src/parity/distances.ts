/** Distances by the million: their largest, and their quantiles to a part in a hundred. */
export class Distances {
  /** By the logarithm, in steps of 1 %: distances of 2^-60 to 2^60, and 0 apart. */
  readonly #counts = new Map<number, number>();
  #count = 0;
  largest = 0;

  add(distance: number): void {
    const step = distance === 0 ? -Infinity : Math.round(Math.log(distance) * 100);
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1);
    this.#count++;
    this.largest = Math.max(this.largest, distance);
  }

  /** The least distance that a share `q` of all does not exceed; 0 where there are none. */
  quantile(q: number): number {
    let left = Math.ceil(q * this.#count);
    for (const [step, count] of [...this.#counts].sort(([a], [b]) => a - b)) {
      left -= count;
      if (left <= 0) return Math.min(this.largest, Math.exp(step / 100));
    }
    return 0;
  }
}
