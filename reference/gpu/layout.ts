/** Cases laid out for one launch: padded, head after head, with what each problem needs to know. */
import { type AttentionCase, type Conventions, type EmptyRow, type FloatTensor, type Mask, sizesOf } from '../case';
import { finfo } from '../dtype';
import type { Launch, LaunchMask, LaunchRotary } from './attention';

/** The size that a length is padded to: few enough sizes that cases meet, near enough that the padding does not cost. */
export function paddedSize(length: number): number {
  if (length <= 4) return 4;
  if (length <= 8) return 8;
  if (length <= 64) return Math.ceil(length / 16) * 16;
  return Math.ceil(length / 64) * 64;
}

/** The rotary embedding that a case turns by. */
export function rotaryOf(c: AttentionCase): AttentionCase['rotary'] {
  return c.bridge === 'rotary' && c.rotary !== undefined && c.rotary.rotaryDim > 0 ? c.rotary : undefined;
}

/** wasm multiplies a single pair of matrices by another kernel than several: never launch fewer than two problems. */
const fewestProblems = 2;

/** Lays cases of one bucket out, in order. */
export function layOut(cases: readonly AttentionCase[], conventions: Conventions): Launch {
  const [first] = cases;
  const sizes = sizesOf(first);
  let problems = 0;
  let keyHeads = 0;
  let grouped = false;
  for (const c of cases) {
    const { batch, numHeads, numKvHeads } = sizesOf(c);
    problems += batch * numHeads;
    keyHeads += batch * numKvHeads;
    grouped ||= numHeads !== numKvHeads;
  }
  problems = Math.max(fewestProblems, problems);
  // Where every problem has a key head of its own there is nothing to look up.
  if (!grouped) keyHeads = problems;
  const launch = emptyLaunch(first, problems, keyHeads, {
    qLen: paddedSize(sizes.qLen),
    kvLen: paddedSize(sizes.kvLen),
    headDim: paddedSize(sizes.headDim),
    vHeadDim: paddedSize(sizes.vHeadDim),
  });
  let problem = 0;
  let keyHead = 0;
  for (const c of cases) {
    const { batch, numHeads, numKvHeads } = sizesOf(c);
    placeCase(launch, c, conventions, problem, keyHead);
    problem += batch * numHeads;
    keyHead += batch * numKvHeads;
  }
  return grouped ? launch : { ...launch, keyHead: undefined };
}

type PaddedSizes = Pick<Launch, 'qLen' | 'kvLen' | 'headDim' | 'vHeadDim'>;
type Laid = Launch & { readonly keyHead: Int32Array };

/** Problems of padding alone: one own key, no rule. `first` stands for the bucket: its cases have the same parts. */
function emptyLaunch(first: AttentionCase, problems: number, keyHeads: number, sizes: PaddedSizes): Laid {
  const { qLen, kvLen, headDim, vHeadDim } = sizes;
  const each = () => new Float32Array(problems);
  const rotary = rotaryOf(first);
  const tables = (rows: number, pairs: number) => ({
    cos: new Float32Array(rows * pairs),
    sin: new Float32Array(rows * pairs),
  });
  return {
    problems,
    ...sizes,
    query: new Float32Array(problems * qLen * headDim),
    key: new Float32Array(keyHeads * kvLen * headDim),
    value: new Float32Array(keyHeads * kvLen * vHeadDim),
    keyHead: new Int32Array(problems),
    ownKvLen: each().fill(1),
    queryPosition: each(),
    scale: each(),
    isCausal: new Uint8Array(problems),
    sentinel: each(),
    emptyWeight: each(),
    ...(first.softcap === undefined ? {} : { softcap: each().fill(1) }),
    ...(first.slidingWindow === undefined ? {} : { window: { left: each(), right: each() } }),
    ...(first.segments === undefined ? {} : { segments: new Float32Array(problems * kvLen) }),
    ...(first.mask === undefined
      ? {}
      : {
          mask: {
            cells: new Float32Array(problems * qLen * kvLen),
            threshold: each(),
            additive: each(),
            authoritative: new Uint8Array(problems),
          },
        }),
    ...(rotary === undefined
      ? {}
      : {
          rotary: {
            rotaryDim: rotary.rotaryDim,
            layout: rotary.layout,
            query: tables(problems * qLen, rotary.rotaryDim / 2),
            key: tables(keyHeads * kvLen, rotary.rotaryDim / 2),
          },
        }),
  };
}

/** Writes one case into its problems and key heads. */
function placeCase(launch: Laid, c: AttentionCase, conventions: Conventions, problem: number, keyHead: number): void {
  const { batch, numHeads, numKvHeads, qLen, kvLen } = sizesOf(c);
  place(launch.query, problem, c.query, launch.qLen, launch.headDim);
  place(launch.key, keyHead, c.key, launch.kvLen, launch.headDim);
  place(launch.value, keyHead, c.value, launch.kvLen, launch.vHeadDim);
  const end = problem + batch * numHeads;
  launch.ownKvLen.fill(kvLen, problem, end);
  launch.queryPosition.fill(conventions.causal === 'top_left' ? 0 : kvLen - qLen, problem, end);
  launch.scale.fill(c.scale, problem, end);
  launch.isCausal.fill(c.isCausal ? 1 : 0, problem, end);
  launch.sentinel.fill(conventions.scoreSentinel === '-inf' ? -Infinity : finfo[c.query.dtype].lowest, problem, end);
  launch.emptyWeight.fill(weightOfEmpty(c, conventions), problem, end);
  if (c.softcap !== undefined) launch.softcap?.fill(c.softcap, problem, end);
  launch.window?.left.fill(c.slidingWindow?.left ?? unbounded, problem, end);
  launch.window?.right.fill(c.slidingWindow?.right ?? unbounded, problem, end);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      const at = problem + b * numHeads + h;
      launch.keyHead[at] = keyHead + b * numKvHeads + Math.floor(h / (numHeads / numKvHeads));
      launch.segments?.set(c.segments?.data.subarray(b * kvLen, (b + 1) * kvLen) ?? [], at * launch.kvLen);
    }
  }
  if (launch.mask !== undefined && c.mask !== undefined)
    placeMask(launch, launch.mask, c, c.mask, conventions, problem);
  if (launch.rotary !== undefined) placeRotary(launch, launch.rotary, c, problem, keyHead);
}

/** More neighbours than there are keys, and still exact when a position is added. */
const unbounded = 2 ** 23;

/** Copies [batch, heads, rows, columns] into padded slots from `slot` on. */
function place(into: Float32Array, slot: number, tensor: FloatTensor, paddedRows: number, paddedColumns: number): void {
  const [batch, heads, rows, columns] = tensor.shape;
  for (let h = 0; h < batch * heads; h++) {
    for (let i = 0; i < rows; i++) {
      const from = (h * rows + i) * columns;
      const to = ((slot + h) * paddedRows + i) * paddedColumns;
      for (let n = 0; n < columns; n++) into[to + n] = tensor.data[from + n];
    }
  }
}

/** Copies the row of the mask that each query meets, cut to the keys. */
function placeMask(
  launch: Launch,
  into: LaunchMask,
  c: AttentionCase,
  mask: Mask,
  conventions: Conventions,
  problem: number,
): void {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const { shape, data } = mask.tensor;
  const columns = shape[shape.length - 1];
  const stride = strides(mask, conventions, qLen, kvLen);
  const end = problem + batch * numHeads;
  into.threshold.fill(mask.form === 'additive' ? finfo[mask.tensor.dtype].lowest : 0, problem, end);
  into.additive.fill(mask.form === 'additive' ? 1 : 0, problem, end);
  into.authoritative.fill(mask.rank === 4 ? 1 : 0, problem, end);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      for (let i = 0; i < qLen; i++) {
        const from = (b * stride.batch + h * stride.head + i * stride.row + stride.first) * columns;
        const to = ((problem + b * numHeads + h) * launch.qLen + i) * launch.kvLen;
        for (let j = 0; j < kvLen; j++) into.cells[to + j] = data[from + j];
      }
    }
  }
}

/** How many rows of keys apart a mask's neighbours lie along each axis of the scores, 0 where it broadcasts, and which row query 0 meets. */
function strides(
  mask: Mask,
  conventions: Conventions,
  qLen: number,
  kvLen: number,
): { readonly batch: number; readonly head: number; readonly row: number; readonly first: number } {
  const { shape } = mask.tensor;
  if (mask.rank === 2) return { batch: 1, head: 0, row: 0, first: 0 };
  const rows = shape[shape.length - 2];
  if (mask.rank === 3) return { batch: rows, head: 0, row: 1, first: firstRow(rows, conventions, qLen, kvLen) };
  const [batch, heads] = shape;
  return {
    batch: batch === 1 ? 0 : heads * rows,
    head: heads === 1 ? 0 : rows,
    row: rows === 1 ? 0 : 1,
    first: rows === 1 ? 0 : firstRow(rows, conventions, qLen, kvLen),
  };
}

/** The row of query 0 in a mask that may have more rows than queries. */
function firstRow(rows: number, { overlongRows }: Conventions, qLen: number, kvLen: number): number {
  if (rows === qLen || overlongRows === 'first') return 0;
  return overlongRows === 'last' ? rows - qLen : kvLen - qLen;
}

/** What each key weighs in a row that keeps none: the contract of the mask's sentinel. */
function weightOfEmpty(c: AttentionCase, { fullyMaskedRow }: Conventions): number {
  const additive = c.mask?.form === 'additive';
  const sentinel = !additive ? 'boolean' : c.mask.tensor.data.includes(-Infinity) ? 'inf' : 'finfo';
  const weights: Readonly<Record<EmptyRow, number>> = {
    zeros: 0,
    unspecified: 0,
    uniform: 1 / sizesOf(c).kvLen,
    nan: NaN,
  };
  return weights[fullyMaskedRow[sentinel]];
}

/** Cosines and sines of the positions of a case, computed in float64; query i stands where key i + kv_len - q_len does. */
function placeRotary(launch: Launch, into: LaunchRotary, c: AttentionCase, problem: number, keyHead: number): void {
  const rotary = rotaryOf(c);
  if (rotary === undefined) return;
  const { batch, numHeads, numKvHeads, qLen, kvLen } = sizesOf(c);
  const pairs = rotary.rotaryDim / 2;
  const frequencies = Array.from({ length: pairs }, (_, n) => rotary.base ** ((-2 * n) / rotary.rotaryDim));
  for (let b = 0; b < batch; b++) {
    for (let j = 0; j < kvLen; j++) {
      const position = rotary.positionIds.data[b * kvLen + j];
      const i = j - (kvLen - qLen);
      frequencies.forEach((frequency, n) => {
        const cos = Math.cos(position * frequency);
        const sin = Math.sin(position * frequency);
        for (let h = 0; h < numKvHeads; h++) {
          const at = ((keyHead + b * numKvHeads + h) * launch.kvLen + j) * pairs + n;
          into.key.cos[at] = cos;
          into.key.sin[at] = sin;
        }
        for (let h = 0; h < numHeads && i >= 0; h++) {
          const at = ((problem + b * numHeads + h) * launch.qLen + i) * pairs + n;
          into.query.cos[at] = cos;
          into.query.sin[at] = sin;
        }
      });
    }
  }
}
