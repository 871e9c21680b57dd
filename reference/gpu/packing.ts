/** The reference's answers: cases go to the engine together, padded with keys and queries that nothing sees, and are taken apart again. */
import { type AttentionCase, type Conventions, type FloatTensor, type Mask, sizesOf } from '../case';
import { finfo, roundAll } from '../dtype';
import { attention, type Launched } from './attention';
import type { Engine } from './engines';
import { inLaunches, read } from './launches';
import { dueOfEmpty, type Laid, layOut } from './layout';

/** What the reference answers for one case: tensors in the case's dtype, or why it cannot. */
export type ReferenceAnswer =
  | { readonly output: FloatTensor; readonly weights?: FloatTensor; readonly scores?: FloatTensor }
  | { readonly error: { readonly type: string; readonly message: string } };

/** The conventions that the reference follows when nobody asks for others. */
export const referenceConventions: Conventions = {
  causal: 'bottom_right',
  fullyMaskedRow: { boolean: 'zeros', finfo: 'zeros', inf: 'zeros' },
  overlongKeys: 'trimmed',
  overlongRows: 'position',
  scoreSentinel: 'finfo_min',
};

/** Answers many cases in as few launches as their shapes allow, in order. */
export async function attendPacked(
  engine: Engine,
  cases: readonly AttentionCase[],
  conventions: Conventions = referenceConventions,
): Promise<readonly ReferenceAnswer[]> {
  const refusals = cases.map((c) => refuses(c, conventions));
  const able = cases.filter((_, n) => refusals[n] === undefined);
  const answers = await inLaunches<ReferenceAnswer>(
    engine,
    able,
    (part) => answer(engine, part, conventions),
    ({ name: type, message }) => ({ error: { type, message } }),
  );
  let next = 0;
  return refusals.map((error) => (error === undefined ? answers[next++] : { error }));
}

type Refusal = { readonly type: string; readonly message: string };

/** Why the reference cannot answer a case; undefined where it can. */
export function refuses(c: AttentionCase, conventions: Conventions): Refusal | undefined {
  if (c.query.dtype === 'float64') {
    return { type: 'UnsupportedDType', message: 'The reference computes in float32: float64 is judged by the oracle.' };
  }
  return c.mask === undefined ? undefined : refusesMask(c, c.mask, conventions);
}

function refusesMask(c: AttentionCase, mask: Mask, conventions: Conventions): Refusal | undefined {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const { shape } = mask.tensor;
  const wrong = (message: string): Refusal => ({
    type: 'MaskShapeError',
    message: `The mask is [${shape.join(', ')}] for batch=${batch}, num_heads=${numHeads}, q_len=${qLen}, kv_len=${kvLen}: ${message}`,
  });
  if (shape.length !== mask.rank) return wrong(`a mask of rank ${mask.rank} has ${mask.rank} axes.`);
  const columns = shape[shape.length - 1];
  if (columns < kvLen) return wrong('it is shorter than the keys.');
  if (columns > kvLen && conventions.overlongKeys === 'refused') return wrong('it is longer than the keys.');
  const broadcasts = mask.rank === 4;
  if (shape[0] !== batch && !(broadcasts && shape[0] === 1)) return wrong('its batch axis is another.');
  if (mask.rank === 2) return undefined;
  if (mask.rank === 4 && shape[1] !== numHeads && shape[1] !== 1) return wrong('its head axis is another.');
  const rows = shape[shape.length - 2];
  if (rows === qLen || (broadcasts && rows === 1)) return undefined;
  if (rows < qLen) return wrong('it has fewer rows than there are queries.');
  if (conventions.overlongRows === 'error') return wrong('it has more rows than there are queries.');
  if (conventions.overlongRows === 'position' && (rows < kvLen || qLen > kvLen))
    return wrong('its rows reach neither the queries nor the positions of the keys.');
  return undefined;
}

/** Runs cases of one bucket in one launch. */
async function answer(
  engine: Engine,
  part: readonly AttentionCase[],
  conventions: Conventions,
): Promise<ReferenceAnswer[]> {
  const laid = layOut(part, conventions);
  const wanted = (what: 'weights' | 'scores') => part.some(({ want }) => want[what] === true);
  const numbers = await read(engine, () => {
    const { output, weights, scores } = attention(engine.tf, laid.launch);
    return { output, ...(wanted('weights') && { weights }), ...(wanted('scores') && { scores }) } as Launched;
  });
  let problem = 0;
  return part.map((c) => {
    const taken = takeApart(c, conventions, laid, problem, numbers);
    problem += c.query.shape[0] * c.query.shape[1];
    return taken;
  });
}

type Numbers = ArrayLike<number>;

/** One case's own numbers out of a launch, rounded to its dtype; what is due in rows that keep nothing, and in dropped cells, is written over them. */
function takeApart(
  c: AttentionCase,
  conventions: Conventions,
  { launch, kept }: Laid,
  problem: number,
  all: { readonly output: Numbers; readonly weights?: Numbers; readonly scores?: Numbers },
): ReferenceAnswer {
  const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
  const { dtype } = c.query;
  const heads = batch * numHeads;
  const due = dueOfEmpty(c, conventions);
  const contract = due === 'nan' ? NaN : 0;
  const taken = (from: Numbers, columns: number, padded: number): FloatTensor => {
    const data = new Float64Array(heads * qLen * columns);
    for (let row = 0, at = 0; row < heads * qLen; row++, at += columns) {
      const place = paddedRow(problem, row, qLen, launch.qLen);
      const isDue = kept[place] === 0 && due !== 'uniform';
      for (let n = 0; n < columns; n++) data[at + n] = isDue ? contract : from[place * padded + n];
    }
    return { dtype, shape: [batch, numHeads, qLen, columns], data: roundAll(data, dtype) };
  };
  const output = taken(all.output, vHeadDim, launch.headDim);
  const weights = c.want.weights && all.weights ? taken(all.weights, kvLen, launch.kvLen) : undefined;
  const scores = c.want.scores && all.scores ? taken(all.scores, kvLen, launch.kvLen) : undefined;
  if (scores !== undefined) {
    const shown = conventions.scoreSentinel === '-inf' ? -Infinity : finfo[dtype].lowest;
    for (let row = 0, at = 0; row < heads * qLen; row++, at += kvLen) {
      const place = paddedRow(problem, row, qLen, launch.qLen);
      for (let j = 0; j < kvLen; j++) {
        if (kept[place] === 0 || launch.bias[place * launch.kvLen + j] === -Infinity) scores.data[at + j] = shown;
      }
    }
  }
  return { output, ...(weights && { weights }), ...(scores && { scores }) };
}

/** Where a case's row lies in a launch. */
export function paddedRow(problem: number, row: number, qLen: number, padded: number): number {
  return (problem + Math.floor(row / qLen)) * padded + (row % qLen);
}
