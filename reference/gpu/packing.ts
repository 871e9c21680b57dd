/**
 * Many cases of different shapes in one launch. A call to an engine costs about the same for one case as for hundreds, so cases are sorted into
 * buckets of equal padded shape, padded with keys and queries that nothing sees, and taken apart again.
 *
 * The bucket depends on the case alone, never on its companions, and a problem's numbers depend on its own slice of the launch alone:
 * two calls of equal shape agree bit for bit whatever else was packed with them.
 */
import {
  type AttentionCase,
  type Conventions,
  type EmptyRow,
  type FloatTensor,
  type FloatType,
  type Mask,
  sizesOf,
} from '../case';
import { finfo, roundAll } from '../dtype';
import { attention, type Launch, type LaunchRotary, type Launched } from './attention';
import type { Engine } from './engines';

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
/** wasm multiplies a single pair of matrices by another kernel than several: never launch fewer than two problems. */
const fewestProblems = 2;

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

/** The size that a length is padded to: few enough sizes that cases meet, near enough that the padding does not cost. */
export function paddedSize(length: number): number {
  if (length <= 4) return 4;
  if (length <= 8) return 8;
  if (length <= 64) return Math.ceil(length / 16) * 16;
  return Math.ceil(length / 64) * 64;
}

/** What cases of one launch have in common: padded sizes and the operations that they need. Depends on the case alone. */
export function bucketOf(c: AttentionCase): string {
  const { qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const sizes = [qLen, kvLen, headDim, vHeadDim].map(paddedSize).join('x');
  const rotary = rotaryOf(c);
  const turned = rotary === undefined ? '' : ` ${rotary.layout} ${rotary.rotaryDim}`;
  return `${sizes}${turned}${c.softcap === undefined ? '' : ' softcap'}${c.slidingWindow === undefined ? '' : ' window'}${c.segments === undefined ? '' : ' segments'}`;
}

function rotaryOf(c: AttentionCase): AttentionCase['rotary'] {
  return c.bridge === 'rotary' && c.rotary !== undefined && c.rotary.rotaryDim > 0 ? c.rotary : undefined;
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
  const packed = pack(
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

/** Lays cases of one bucket out for one launch. */
function pack(cases: readonly AttentionCase[], conventions: Conventions): Launch {
  const [first] = cases;
  const sizes = cases.map(sizesOf);
  const total = (of: (n: number) => number) => cases.reduce((sum, _, n) => sum + of(n), 0);
  const qLen = paddedSize(sizes[0].qLen);
  const kvLen = paddedSize(sizes[0].kvLen);
  const headDim = paddedSize(sizes[0].headDim);
  const vHeadDim = paddedSize(sizes[0].vHeadDim);
  const problems = Math.max(
    fewestProblems,
    total((n) => sizes[n].batch * sizes[n].numHeads),
  );
  const keyHeads = Math.max(
    1,
    total((n) => sizes[n].batch * sizes[n].numKvHeads),
  );
  const maskRows = 1 + total((n) => rowsOfMask(cases[n].mask));

  const query = new Float32Array(problems * qLen * headDim);
  const key = new Float32Array(keyHeads * kvLen * headDim);
  const value = new Float32Array(keyHeads * kvLen * vHeadDim);
  const ints = () => new Int32Array(problems);
  const floats = () => new Float32Array(problems);
  const keyHead = ints();
  const ownQLen = ints().fill(1);
  const ownKvLen = ints().fill(1);
  const queryPosition = ints();
  const scale = floats();
  const isCausal = new Uint8Array(problems);
  const softcap = first.softcap === undefined ? undefined : floats().fill(1);
  const window = first.slidingWindow === undefined ? undefined : { left: ints(), right: ints() };
  const segments = first.segments === undefined ? undefined : new Int32Array(problems * kvLen);
  const mask = {
    rows: new Float32Array(maskRows * kvLen),
    first: ints(),
    stride: ints(),
    threshold: floats(),
    additive: floats(),
    authoritative: new Uint8Array(problems),
  };
  // Row 0 is no mask: it keeps everything.
  mask.rows.fill(1, 0, kvLen);
  const sentinel = floats();
  const emptyWeight = floats();
  const tables = new RotaryTables(first, problems, keyHeads, kvLen);

  let problem = 0;
  let head = 0;
  let maskRow = 1;
  cases.forEach((c, n) => {
    const {
      batch,
      numHeads,
      numKvHeads,
      qLen: ownRows,
      kvLen: ownKeys,
      headDim: ownDim,
      vHeadDim: ownValueDim,
    } = sizes[n];
    place(query, problem, c.query, batch * numHeads, ownRows, ownDim, qLen, headDim);
    place(key, head, c.key, batch * numKvHeads, ownKeys, ownDim, kvLen, headDim);
    place(value, head, c.value, batch * numKvHeads, ownKeys, ownValueDim, kvLen, vHeadDim);
    if (c.mask !== undefined) placeMask(mask.rows, maskRow, c.mask, ownKeys, kvLen);
    const columns = c.mask === undefined ? undefined : strides(c.mask, conventions, ownRows, ownKeys);
    const group = numHeads / numKvHeads;
    const empty = weightOfEmpty(c, conventions, ownKeys);
    const lowest = conventions.scoreSentinel === '-inf' ? -Infinity : finfo[c.query.dtype].lowest;
    for (let b = 0; b < batch; b++) {
      tables.add(c, b, problem + b * numHeads, numHeads, head + b * numKvHeads, numKvHeads);
      for (let h = 0; h < numHeads; h++) {
        const at = problem + b * numHeads + h;
        keyHead[at] = head + b * numKvHeads + Math.floor(h / group);
        ownQLen[at] = ownRows;
        ownKvLen[at] = ownKeys;
        queryPosition[at] = conventions.causal === 'top_left' ? 0 : ownKeys - ownRows;
        scale[at] = c.scale;
        isCausal[at] = c.isCausal ? 1 : 0;
        sentinel[at] = lowest;
        emptyWeight[at] = empty;
        if (softcap !== undefined && c.softcap !== undefined) softcap[at] = c.softcap;
        if (window !== undefined) {
          window.left[at] = c.slidingWindow?.left ?? unbounded;
          window.right[at] = c.slidingWindow?.right ?? unbounded;
        }
        if (segments !== undefined && c.segments !== undefined) {
          for (let j = 0; j < ownKeys; j++) segments[at * kvLen + j] = c.segments.data[b * ownKeys + j];
        }
        if (c.mask !== undefined && columns !== undefined) {
          mask.first[at] = maskRow + b * columns.batch + h * columns.head + columns.start;
          mask.stride[at] = columns.row;
          mask.threshold[at] = c.mask.form === 'additive' ? finfo[c.mask.tensor.dtype].lowest : 0;
          mask.additive[at] = c.mask.form === 'additive' ? 1 : 0;
          mask.authoritative[at] = c.mask.rank === 4 ? 1 : 0;
        }
      }
    }
    problem += batch * numHeads;
    head += batch * numKvHeads;
    maskRow += rowsOfMask(c.mask);
  });
  return {
    ...{ problems, qLen, kvLen, headDim, vHeadDim, query, key, value, keyHead, ownQLen, ownKvLen, queryPosition },
    ...{ scale, softcap, isCausal, window, segments, mask, rotary: tables.launch(), sentinel, emptyWeight },
  };
}

/** More neighbours than there are keys, and still small enough to be added to a position. */
const unbounded = 2 ** 30;

/** Copies [heads, rows, columns] into padded slots from `slot` on. */
function place(
  into: Float32Array,
  slot: number,
  tensor: FloatTensor,
  heads: number,
  rows: number,
  columns: number,
  paddedRows: number,
  paddedColumns: number,
): void {
  const { data } = tensor;
  let from = 0;
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < rows; i++) {
      const start = ((slot + h) * paddedRows + i) * paddedColumns;
      for (let n = 0; n < columns; n++) into[start + n] = data[from++];
    }
  }
}

/** How many rows of keys a mask has, over all of its other axes. */
function rowsOfMask(mask: Mask | undefined): number {
  return mask === undefined ? 0 : mask.tensor.shape.slice(0, -1).reduce((product, size) => product * size, 1);
}

/** Copies a mask's rows, cut to the keys. */
function placeMask(into: Float32Array, slot: number, mask: Mask, kvLen: number, paddedColumns: number): void {
  const { shape, data } = mask.tensor;
  const columns = shape[shape.length - 1];
  const rows = rowsOfMask(mask);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < kvLen; j++) into[(slot + row) * paddedColumns + j] = data[row * columns + j];
  }
}

/** How far apart a mask's rows lie along each axis of the scores, 0 where it broadcasts, and the row of query 0. */
function strides(
  mask: Mask,
  conventions: Conventions,
  qLen: number,
  kvLen: number,
): { readonly batch: number; readonly head: number; readonly row: number; readonly start: number } {
  const { shape } = mask.tensor;
  if (mask.rank === 2) return { batch: 1, head: 0, row: 0, start: 0 };
  const rows = shape[shape.length - 2];
  const broadcastRow = mask.rank === 4 && rows === 1;
  const start =
    rows <= qLen || conventions.overlongRows === 'first'
      ? 0
      : conventions.overlongRows === 'last'
        ? rows - qLen
        : kvLen - qLen;
  const row = broadcastRow ? 0 : 1;
  if (mask.rank === 3) return { batch: rows, head: 0, row, start };
  const [batch, heads] = shape;
  return { batch: batch === 1 ? 0 : heads * rows, head: heads === 1 ? 0 : rows, row, start: broadcastRow ? 0 : start };
}

/** What each key weighs in a row that keeps none, as the form of the mask has it. */
function weightOfEmpty(c: AttentionCase, { fullyMaskedRow }: Conventions, kvLen: number): number {
  const contracts: Readonly<Record<EmptyRow, number>> = { zeros: 0, unspecified: 0, uniform: 1 / kvLen, nan: NaN };
  return contracts[fullyMaskedRow[sentinelForm(c.mask)]];
}

/** Which contract an empty row falls under: that of its mask's sentinel. */
function sentinelForm(mask: Mask | undefined): 'boolean' | 'finfo' | 'inf' {
  if (mask?.form !== 'additive') return 'boolean';
  return mask.tensor.data.includes(-Infinity) ? 'inf' : 'finfo';
}

/** Cosines and sines of the positions of a launch, computed in float64 and stored as float32: a block of rows for each batch row of each case. */
class RotaryTables {
  private readonly rotaryDim: number;
  private readonly layout: LaunchRotary['layout'];
  private readonly cos: number[] = [];
  private readonly sin: number[] = [];
  private readonly firstOfProblem: Int32Array;
  private readonly firstOfKeyHead: Int32Array;
  private readonly paddedKeys: number;

  constructor(c: AttentionCase, problems: number, keyHeads: number, paddedKeys: number) {
    const rotary = rotaryOf(c);
    this.rotaryDim = rotary?.rotaryDim ?? 0;
    this.layout = rotary?.layout ?? 'half';
    this.firstOfProblem = new Int32Array(problems);
    this.firstOfKeyHead = new Int32Array(keyHeads);
    this.paddedKeys = paddedKeys;
  }

  /** Adds the positions of one batch row, for the problems and key heads that read them. */
  add(c: AttentionCase, b: number, problem: number, numHeads: number, keyHead: number, numKvHeads: number): void {
    const rotary = rotaryOf(c);
    if (rotary === undefined) return;
    const pairs = this.rotaryDim / 2;
    const row = this.cos.length / pairs;
    const { qLen, kvLen } = sizesOf(c);
    this.firstOfProblem.fill(row + kvLen - qLen, problem, problem + numHeads);
    this.firstOfKeyHead.fill(row, keyHead, keyHead + numKvHeads);
    for (let j = 0; j < this.paddedKeys; j++) {
      const position = j < kvLen ? rotary.positionIds.data[b * kvLen + j] : 0;
      for (let n = 0; n < pairs; n++) {
        const angle = position * rotary.base ** ((-2 * n) / this.rotaryDim);
        this.cos.push(Math.cos(angle));
        this.sin.push(Math.sin(angle));
      }
    }
  }

  launch(): LaunchRotary | undefined {
    if (this.rotaryDim === 0) return undefined;
    return {
      rotaryDim: this.rotaryDim,
      layout: this.layout,
      cos: Float32Array.from(this.cos),
      sin: Float32Array.from(this.sin),
      firstOfProblem: this.firstOfProblem,
      firstOfKeyHead: this.firstOfKeyHead,
    };
  }
}
