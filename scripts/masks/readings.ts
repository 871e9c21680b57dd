/** From the weights that came back to what the library must have understood. */
import { numbersOf, type Question } from './questions';

/** One way of lining up a mask's axes with [batch, num_heads, q_len, kv_len], and of taking what stands in it. */
interface Reading {
  readonly words: string;
  /** What is added to the score of a pair: -Infinity drops it, NaN fits nothing. */
  readonly bias: (b: number, h: number, i: number, j: number) => number;
}

type Lookup = (b: number, h: number, i: number, j: number) => number | undefined;

/** What the library read, in words; `weights` is [batch, num_heads, q_len, kv_len]. The plainest of the readings that fit. */
export function readingOf(question: Question, weights: ArrayLike<number>): string {
  const fitting = readings(question).find((reading) => fits(question, reading, weights));
  return fitting?.words ?? 'otherwise';
}

function fits({ sizes }: Question, { bias }: Reading, weights: ArrayLike<number>): boolean {
  const { batch, heads, qLen, kvLen } = sizes;
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < qLen; i++) {
        const terms = Array.from({ length: kvLen }, (_, j) => Math.exp(bias(b, h, i, j)));
        const sum = terms.reduce((a, c) => a + c, 0);
        for (const term of terms) {
          // A row that keeps nothing says nothing here: what it answers is asked apart.
          if (sum > 0 && !(Math.abs(weights[at] - term / sum) < 1e-3)) return false;
          at++;
        }
      }
    }
  }
  return true;
}

function readings(question: Question): Reading[] {
  const causal = [...new Set([question.isCausal, !question.isCausal])];
  return causal.flatMap((isCausal) =>
    masked(question).flatMap(({ words, bias }) =>
      alignmentsOf(question, isCausal).map(({ reach, note }) => ({
        words: [words, note].filter((part) => part !== '').join(', '),
        bias: (b: number, h: number, i: number, j: number) => (j <= reach(i) ? bias(b, h, i, j) : -Infinity),
      })),
    ),
  );
}

/** Where causality ends in row i, and what to say where that is not what was asked. */
function alignmentsOf({ sizes, isCausal: asked, mask }: Question, isCausal: boolean) {
  const { qLen, kvLen } = sizes;
  if (!isCausal) return [{ reach: () => kvLen, note: asked ? 'not causal' : '' }];
  const bottomRight = (i: number) => i + kvLen - qLen;
  if (qLen === kvLen)
    return [{ reach: bottomRight, note: asked && mask ? 'and causal' : asked ? 'causal' : 'made causal' }];
  return [
    { reach: bottomRight, note: 'bottom right' },
    { reach: (i: number) => i, note: 'top left' },
  ];
}

function masked(question: Question): Reading[] {
  const { mask, dtype } = question;
  if (mask === undefined) return [{ words: '', bias: () => 0 }];
  const [kept, dropped] = numbersOf(mask.element, dtype);
  const added = {
    words: mask.element === 'bool' ? 'added as 1 and 0' : 'added',
    of: (keep: boolean) => (keep ? kept : dropped),
  };
  const meanings: { words: string; of: (keep: boolean) => number }[] = [
    ...(mask.element === 'bias' ? [added] : []),
    { words: 'keeps', of: (keep) => (keep ? 0 : -Infinity) },
    { words: 'drops where true', of: (keep) => (keep ? -Infinity : 0) },
    ...(mask.element === 'bias' ? [] : [added]),
  ];
  return [
    ...axesOf(question).flatMap(({ note, at }) =>
      meanings.map(({ words, of }) => ({
        words: [words, note].filter((part) => part !== '').join(', read as '),
        bias: (b: number, h: number, i: number, j: number) => {
          const cell = at(b, h, i, j);
          return cell === undefined ? NaN : of(mask.keeps[cell]);
        },
      })),
    ),
    { words: 'ignored', bias: () => 0 },
  ];
}

/** The ways in which a mask of this shape can be laid over [batch, num_heads, q_len, kv_len]; the one that was meant has no note. */
function axesOf({ sizes, mask }: Question): { note: string; at: Lookup }[] {
  const { batch, heads, qLen, kvLen } = sizes;
  const shape = mask?.shape ?? [];
  const columns = shape[shape.length - 1];
  const ways: { note: string; at: Lookup }[] = [];
  const axis = (length: number, index: number) => (length === 1 ? 0 : index < length ? index : undefined);
  const flat = (indices: readonly (number | undefined)[]) =>
    indices.reduce<number | undefined>(
      (sum, index, n) => (sum === undefined || index === undefined ? undefined : sum * shape[n] + index),
      0,
    );
  if (shape.length === 2) {
    const columnsNote = columns > kvLen ? 'its first columns' : '';
    const padding: Lookup = (b, _h, _i, j) => flat([axis(shape[0], b), axis(columns, j)]);
    const perQuery: Lookup = (_b, _h, i, j) => flat([axis(shape[0], i), axis(columns, j)]);
    const isPadding = shape[0] === batch;
    if (isPadding) ways.push({ note: columnsNote, at: padding });
    if (shape[0] >= qLen)
      ways.push({
        note: isPadding ? '[q_len, kv_len]' : shape[0] > qLen ? 'its first rows' : columnsNote,
        at: perQuery,
      });
  }
  if (shape.length === 3) {
    const merged = shape[0] === batch * heads;
    if (merged) ways.push({ note: '', at: (b, h, i, j) => flat([b * heads + h, axis(shape[1], i), axis(columns, j)]) });
    else ways.push({ note: '', at: (b, _h, i, j) => flat([axis(shape[0], b), axis(shape[1], i), axis(columns, j)]) });
    if (shape[0] === heads)
      ways.push({
        note: '[num_heads, q_len, kv_len]',
        at: (_b, h, i, j) => flat([h, axis(shape[1], i), axis(columns, j)]),
      });
  }
  if (shape.length === 4) {
    const shifted =
      (rows: number, first: number): Lookup =>
      (b, h, i, j) =>
        flat([axis(shape[0], b), axis(shape[1], h), axis(shape[2], i + rows), axis(columns, j + first)]);
    const moreRows = shape[2] > qLen;
    const moreColumns = columns > kvLen;
    ways.push({ note: moreRows ? 'its first rows' : moreColumns ? 'its first columns' : '', at: shifted(0, 0) });
    if (moreRows) ways.push({ note: 'its last rows', at: shifted(shape[2] - qLen, 0) });
    if (moreColumns) ways.push({ note: 'its last columns', at: shifted(0, columns - kvLen) });
    if (columns < kvLen && columns > 1)
      ways.push({
        note: 'the missing keys dropped',
        at: (b, h, i, j) => (j < columns ? shifted(0, 0)(b, h, i, j) : undefined),
      });
  }
  return ways;
}

/** What a row that keeps nothing answers, weights [kv_len]: zeros, NaN, the mean of all values, of those up to the query, or something else. */
export function emptyRowOf(weights: readonly number[], i: number): string {
  const all = (value: number) => weights.every((weight) => Math.abs(weight - value) < 2 ** -8);
  if (weights.every((weight) => weight === 0)) return 'zeros';
  if (weights.every(Number.isNaN)) return 'NaN';
  if (all(1 / weights.length)) return 'uniform';
  const past = weights.slice(0, i + 1);
  const future = weights.slice(i + 1);
  if (past.every((weight) => Math.abs(weight - 1 / past.length) < 2 ** -8) && future.every((weight) => weight === 0))
    return 'uniform up to the query';
  return weights.some(Number.isNaN) ? 'NaN in part' : 'otherwise';
}
