/** Which of many: the one case that brings a backend down, the few calls that a failure needs before it. */

/** The index of the first item that fails on its own, by halving; undefined where it takes several together. `items` as a whole fail. */
export async function firstCulprit<T>(
  items: readonly T[],
  fails: (some: readonly T[]) => Promise<boolean>,
  from = 0,
): Promise<number | undefined> {
  if (items.length === 1) return from;
  const middle = items.length >> 1;
  const first = items.slice(0, middle);
  if (await fails(first)) return firstCulprit(first, fails, from);
  const second = items.slice(middle);
  return (await fails(second)) ? firstCulprit(second, fails, from + middle) : undefined;
}

/**
 * A short list that still fails, in the same order, none of whose items can be left out (delta debugging: Zeller and
 * Hildebrandt, 2002). `items` as a whole fail. Stops early, with what it has, after `budget` tries.
 */
export async function shortestSequence<T>(
  items: readonly T[],
  fails: (some: readonly T[]) => Promise<boolean>,
  budget = 200,
): Promise<readonly T[]> {
  let left = items;
  let tries = 0;
  for (
    let size = Math.max(1, left.length >> 1);
    size >= 1 && left.length > 0;
    size = size === 1 ? 0 : Math.max(1, size >> 1)
  ) {
    for (let from = left.length - size; from > -size && tries < budget; from -= size) {
      const without = [...left.slice(0, Math.max(0, from)), ...left.slice(from + size)];
      tries++;
      if (await fails(without)) left = without;
    }
  }
  return left;
}
