/**
 * Many cases of different shapes in one launch. A call to an engine costs about the same for one case as for hundreds, so cases are sorted into
 * buckets of equal padded shape.
 *
 * The bucket depends on the case alone, never on its companions, and a problem's numbers depend on its own slice of the launch alone:
 * two calls of equal shape agree bit for bit whatever else was packed with them.
 */
import type * as tfjs from '@tensorflow/tfjs-core';
import type { AttentionCase } from '../case';
import { type Engine, OutOfMemoryError } from './engine';
import { paddedSizes } from './layout';

/** At most so many numbers of one tensor a launch: a few intermediates of 16 MB. */
const numbersPerTensor = 2 ** 22;
/** Of the largest tensor of a launch, so many are alive at once. */
const tensorsAtOnce = 16;

/**
 * Runs cases in as few launches as their shapes allow; one result a case, in order. Where the engine has no room for a launch, half of it is
 * launched at a time; what has no room alone is `tooLarge`.
 */
export async function inLaunches<T>(
  engine: Engine,
  cases: readonly AttentionCase[],
  run: (part: readonly AttentionCase[]) => Promise<readonly T[]>,
  tooLarge: (error: Error) => T,
): Promise<T[]> {
  const results = new Array<T>(cases.length);
  const launch = async (part: readonly number[]): Promise<void> => {
    try {
      const [first] = part;
      const problems = part.reduce((sum, index) => sum + problemsOf(cases[index]), 0);
      checkRoom(engine, 4 * problems * numbersOf(cases[first]));
      const given = await run(part.map((index) => cases[index]));
      part.forEach((index, n) => (results[index] = given[n]));
    } catch (error) {
      const shortage = shortageOf(engine, error);
      if (shortage === undefined) throw error;
      if (part.length === 1) {
        results[part[0]] = tooLarge(shortage);
        return;
      }
      const middle = part.length >> 1;
      await launch(part.slice(0, middle));
      await launch(part.slice(middle));
    }
  };
  for (const parts of buckets(engine, cases)) for (const part of parts) await launch(part);
  return results;
}

/** The numbers of the cases that go together, bucket by bucket. */
function buckets(engine: Engine, cases: readonly AttentionCase[]): Iterable<readonly (readonly number[])[]> {
  const found = new Map<string, { indices: number[]; problems: number }[]>();
  cases.forEach((c, index) => {
    const key = bucketOf(c);
    const problems = problemsOf(c);
    const parts = found.get(key);
    const last = parts?.[parts.length - 1];
    if (last !== undefined && last.problems + problems <= mostProblems(engine, c)) {
      last.indices.push(index);
      last.problems += problems;
      return;
    }
    const part = { indices: [index], problems };
    if (parts === undefined) found.set(key, [part]);
    else parts.push(part);
  });
  return Array.from(found.values(), (parts) => parts.map(({ indices }) => indices));
}

function mostProblems({ mostProblems: most = Infinity }: Engine, c: AttentionCase): number {
  return Math.min(most, Math.floor(numbersPerTensor / numbersOf(c)));
}

const problemsOf = ({ query }: AttentionCase): number => query.shape[0] * query.shape[1];

/** Of the largest tensor of one problem: its cells, or its values with what is known of them. */
function numbersOf(c: AttentionCase): number {
  const { qLen, kvLen, headDim } = paddedSizes(c);
  return Math.max(qLen * kvLen, Math.max(qLen, kvLen) * (2 * headDim + 4));
}

/** Some engines give wrong numbers, or none ever again, where they have no room: they are not asked. */
function checkRoom({ name, largestTensor = Infinity, memory = Infinity }: Engine, bytes: number): void {
  if (bytes > largestTensor)
    throw new OutOfMemoryError(name, `a tensor of ${bytes} bytes, where one may have ${largestTensor}`);
  if (bytes * tensorsAtOnce > memory)
    throw new OutOfMemoryError(name, `${tensorsAtOnce} tensors of ${bytes} bytes, where all may have ${memory}`);
}

/** What engines, drivers and the process itself say where there is no room. */
const shortages = /out of memory|\boom\b|bad_alloc|allocation failed|invalid typed array length|TF_Status: 8/i;

function shortageOf(engine: Engine, error: unknown): OutOfMemoryError | undefined {
  if (error instanceof OutOfMemoryError) return error;
  if (!(error instanceof Error) || engine.lost?.() !== undefined || !shortages.test(error.message)) return undefined;
  return new OutOfMemoryError(engine.name, error.message, { cause: error });
}

/** Runs operations on an engine and reads what they return; no tensor is left behind. */
export async function read<K extends string>(
  engine: Engine,
  run: () => Readonly<Record<K, tfjs.Tensor>>,
): Promise<Readonly<Record<K, ArrayLike<number>>>> {
  engine.use();
  const watched = engine.watch?.();
  let tensors: readonly (readonly [string, tfjs.Tensor])[] = [];
  try {
    let numbers: Promise<ArrayLike<number>[]> | undefined;
    let refused: Promise<void> | undefined;
    try {
      tensors = Object.entries<tfjs.Tensor>(engine.tf.tidy(run));
      numbers = Promise.all(tensors.map(([, tensor]) => tensor.data()));
    } finally {
      refused = watched?.();
    }
    // What the driver refused is told beside the numbers, and is the reason where they are none.
    const [told, given] = await Promise.allSettled([refused, numbers]);
    if (told.status === 'rejected') throw told.reason;
    if (given.status === 'rejected') throw given.reason;
    return Object.fromEntries(tensors.map(([name], n) => [name, given.value[n]])) as Record<K, ArrayLike<number>>;
  } finally {
    for (const [, tensor] of tensors) tensor.dispose();
  }
}

/** What cases of one launch have in common. Depends on the case alone. */
export function bucketOf(c: AttentionCase): string {
  const { qLen, kvLen, headDim } = paddedSizes(c);
  return `${qLen}x${kvLen}x${headDim}${c.softcap === undefined ? '' : ' softcap'}`;
}
