/**
 * Many cases of different shapes in one launch. A call to an engine costs about the same for one case as for hundreds, so cases are sorted into
 * buckets of equal padded shape, padded with keys and queries that nothing sees, and taken apart again.
 *
 * The bucket depends on the case alone, never on its companions, and a problem's numbers depend on its own slice of the launch alone:
 * two calls of equal shape agree bit for bit whatever else was packed with them.
 */
import { type AttentionCase, type Conventions, type FloatTensor, type FloatType, type Mask, sizesOf } from '../case';
import { roundAll } from '../dtype';
import { attention, type Launched } from './attention';
import type { Engine } from './engines';
import { layOut, paddedSize, rotaryOf } from './layout';

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

/** At most so many cells (problems * q_len * kv_len) a launch: a few intermediates of 16 MB. */
const cellsPerLaunch = 2 ** 22;

/** Answers many cases in as few launches as their shapes allow, in order. */
export async function attendPacked(
  engine: Engine,
  cases: readonly AttentionCase[],
  conventions: Conventions = referenceConventions,
): Promise<readonly ReferenceAnswer[]> {
  const answers: ReferenceAnswer[] = new Array<ReferenceAnswer>(cases.length);
  const buckets = new Map<string, Packed[]>();
  cases.forEach((c, index) => {
    const refusal = refuses(c, conventions);
    if (refusal !== undefined) {
      answers[index] = { error: refusal };
      return;
    }
    const key = bucketOf(c);
    const bucket = buckets.get(key);
    const packed = { c, index };
    if (bucket === undefined) buckets.set(key, [packed]);
    else bucket.push(packed);
  });
  for (const bucket of buckets.values()) {
    for (const part of launches(bucket)) await launch(engine, part, conventions, answers);
  }
  return answers;
}

interface Packed {
  readonly c: AttentionCase;
  readonly index: number;
}

/** What cases of one launch have in common: padded sizes and the operations that they need. Depends on the case alone. */
export function bucketOf(c: AttentionCase): string {
  const { qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const sizes = [qLen, kvLen, headDim, vHeadDim].map(paddedSize).join('x');
  const rotary = rotaryOf(c);
  const turned = rotary === undefined ? '' : ` ${rotary.layout} ${rotary.rotaryDim}`;
  const parts = (['mask', 'softcap', 'slidingWindow', 'segments'] as const).filter((part) => c[part] !== undefined);
  return `${sizes}${turned} ${parts.join(' ')}`;
}

/** Cuts a bucket into launches that fit. */
function launches(bucket: readonly Packed[]): readonly (readonly Packed[])[] {
  const parts: Packed[][] = [];
  let room = 0;
  for (const packed of bucket) {
    const { batch, numHeads, qLen, kvLen } = sizesOf(packed.c);
    const cells = batch * numHeads * paddedSize(qLen) * paddedSize(kvLen);
    if (cells > room || parts.length === 0) {
      parts.push([]);
      room = cellsPerLaunch;
    }
    parts[parts.length - 1].push(packed);
    room -= cells;
  }
  return parts;
}

type Refusal = { readonly type: string; readonly message: string };

/** Why the reference cannot answer a case; undefined where it can. */
function refuses(c: AttentionCase, conventions: Conventions): Refusal | undefined {
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

/** Runs part of a bucket in one launch and writes its answers. */
async function launch(
  engine: Engine,
  part: readonly Packed[],
  conventions: Conventions,
  answers: ReferenceAnswer[],
): Promise<void> {
  const packed = layOut(
    part.map(({ c }) => c),
    conventions,
  );
  engine.use();
  const launched = attention(engine.tf, packed);
  try {
    const wanted = (what: 'weights' | 'scores') => part.some(({ c }) => c.want[what] === true);
    const [output, weights, scores] = await Promise.all([
      launched.output.data(),
      wanted('weights') ? launched.weights.data() : undefined,
      wanted('scores') ? launched.scores.data() : undefined,
    ]);
    let problem = 0;
    for (const { c, index } of part) {
      const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
      const heads = batch * numHeads;
      const unpack = (from: ArrayLike<number>, columns: number, paddedColumns: number): FloatTensor => ({
        dtype: c.query.dtype,
        shape: [batch, numHeads, qLen, columns],
        data: unpacked(
          from,
          { problem, heads, rows: qLen, paddedRows: packed.qLen, columns, paddedColumns },
          c.query.dtype,
        ),
      });
      answers[index] = {
        output: unpack(output, vHeadDim, packed.vHeadDim),
        ...(c.want.weights === true && weights !== undefined ? { weights: unpack(weights, kvLen, packed.kvLen) } : {}),
        ...(c.want.scores === true && scores !== undefined ? { scores: unpack(scores, kvLen, packed.kvLen) } : {}),
      };
      problem += heads;
    }
  } finally {
    dispose(launched);
  }
}

function dispose(launched: Launched): void {
  launched.output.dispose();
  launched.weights.dispose();
  launched.scores.dispose();
}

interface Slice {
  readonly problem: number;
  readonly heads: number;
  readonly rows: number;
  readonly paddedRows: number;
  readonly columns: number;
  readonly paddedColumns: number;
}

/** A case's own numbers out of a launch, rounded to its dtype. */
function unpacked(from: ArrayLike<number>, slice: Slice, dtype: FloatType): Float64Array {
  const { problem, heads, rows, paddedRows, columns, paddedColumns } = slice;
  const data = new Float64Array(heads * rows * columns);
  let at = 0;
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < rows; i++) {
      const start = ((problem + h) * paddedRows + i) * paddedColumns;
      for (let n = 0; n < columns; n++) data[at++] = from[start + n];
    }
  }
  return roundAll(data, dtype);
}
