import type { AttentionCase } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { range, select } from './select';

type Axis = 'batch' | 'kvHeads' | 'inGroup' | 'queries' | 'keys' | 'dims' | 'valueDims';

/** How long each axis of a selection is. */
function axesOf(c: AttentionCase): Record<Axis, number> {
  const s = sizesOf(c);
  return {
    batch: s.batch,
    kvHeads: s.numKvHeads,
    inGroup: s.numHeads / s.numKvHeads,
    queries: s.qLen,
    keys: s.kvLen,
    dims: s.headDim,
    valueDims: s.vHeadDim,
  };
}

/** Sizes to try below n, smallest first, closing in on n - 1: a bound is found in a logarithm of steps. */
function targets(n: number): number[] {
  const sizes: number[] = n > 2 ? [1, 2] : [1];
  for (let gap = n >> 1; gap >= 1; gap >>= 1) if (n - gap > sizes[sizes.length - 1]) sizes.push(n - gap);
  return sizes;
}

/** Fewer batch rows, heads, queries, keys and features: one axis, then axes that must shrink together, then any two. */
export function* smallerSizes(c: AttentionCase): Iterable<AttentionCase> {
  const axes = axesOf(c);
  const dims = rotaryDims(c);
  // What nearly never matters, all at once.
  for (const b of axes.batch > 1 ? [0, axes.batch - 1] : [0])
    yield select(c, { batch: [b], kvHeads: [0], inGroup: [0], dims: dims(1), valueDims: dims(1) });
  yield select(c, { dims: dims(1), valueDims: dims(1) });
  for (const axis of ['batch', 'kvHeads', 'inGroup', 'queries', 'keys'] as const) {
    // Only one of them: which one matters.
    if (axes[axis] > 1) for (const n of range(Math.min(axes[axis], 8))) yield select(c, { [axis]: [n] });
  }
  for (const axis of ['batch', 'kvHeads', 'inGroup', 'queries', 'keys'] as const) yield* ends(c, [axis]);
  yield* together(c, axes);
  for (const size of targets(axes.dims)) {
    yield select(c, { dims: dims(size), valueDims: range(Math.min(size, axes.valueDims)) });
    yield select(c, { dims: dims(size) });
  }
  for (const size of targets(axes.valueDims)) yield select(c, { valueDims: range(size) });
  for (const axis of ['batch', 'kvHeads', 'inGroup', 'queries', 'keys', 'dims', 'valueDims'] as const) {
    if (axes[axis] > 1) for (const n of range(axes[axis])) yield without(c, [[axis, n]]);
  }
  yield* anyTwo(c, axes);
}

/** The first and the last few of some axes of one length. */
function* ends(c: AttentionCase, list: readonly Axis[]): Iterable<AttentionCase> {
  const length = axesOf(c)[list[0]];
  if (length < 2) return;
  for (const size of targets(length)) {
    yield select(c, Object.fromEntries(list.map((axis) => [axis, range(size)])));
    yield select(c, Object.fromEntries(list.map((axis) => [axis, range(size).map((n) => n + length - size)])));
  }
}

/** Sizes that coincide, reduced together: a mistake may need the coincidence. Heads count as heads, however they are grouped. */
function* together(c: AttentionCase, axes: Record<Axis, number>): Iterable<AttentionCase> {
  const heads: Axis = axes.kvHeads > 1 ? 'kvHeads' : 'inGroup';
  const list: readonly Axis[] = ['queries', 'keys', 'batch', heads];
  const groups: Axis[][] = [];
  for (let bits = 3; bits < 16; bits++) {
    const group = list.filter((_, n) => bits & (1 << n));
    if (group.length > 1 && axes[group[0]] > 1 && group.every((axis) => axes[axis] === axes[group[0]]))
      groups.push(group);
  }
  groups.sort((a, b) => b.length - a.length);
  for (const group of groups) yield* ends(c, group);
  for (const group of groups)
    for (const n of range(axes[group[0]]))
      yield without(
        c,
        group.map((axis) => [axis, n]),
      );
  const past = axes.keys - axes.queries;
  // With a cache a query and the key at its position go together.
  if (past > 0 && axes.queries > 1) {
    yield select(c, { queries: range(1), keys: range(past + 1) });
    for (const i of range(axes.queries))
      yield without(c, [
        ['queries', i],
        ['keys', i + past],
      ]);
  }
}

/** One of each of two axes, whatever their lengths. */
function* anyTwo(c: AttentionCase, axes: Record<Axis, number>): Iterable<AttentionCase> {
  const list: readonly Axis[] = ['batch', 'kvHeads', 'inGroup', 'queries', 'keys'];
  for (const [n, a] of list.entries()) {
    for (const b of list.slice(n + 1)) {
      if (axes[a] < 2 || axes[b] < 2) continue;
      for (const x of [0, axes[a] - 1])
        for (const y of [0, axes[b] - 1])
          yield without(c, [
            [a, x],
            [b, y],
          ]);
    }
  }
}

/** The case without one index of some axes. */
function without(c: AttentionCase, drops: readonly (readonly [Axis, number])[]): AttentionCase {
  const axes = axesOf(c);
  return select(c, Object.fromEntries(drops.map(([axis, n]) => [axis, range(axes[axis]).filter((m) => m !== n)])));
}

/** The first `size` features; with a rotary embedding an even number, partners kept together. */
function rotaryDims(c: AttentionCase): (size: number) => number[] {
  const { rotary } = c;
  const all = c.query.shape[3];
  if (rotary === undefined) return (size) => range(Math.min(size, all));
  return (size) => {
    const even = Math.min(all, size + (size % 2));
    const turned = Math.min(even, rotary.rotaryDim);
    const half =
      rotary.layout === 'half'
        ? [...range(turned / 2), ...range(turned / 2).map((n) => n + rotary.rotaryDim / 2)]
        : range(turned);
    return [...half, ...range(even - turned).map((n) => n + rotary.rotaryDim)];
  };
}
