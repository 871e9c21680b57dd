import type { AttentionCase, Mask, Rotary } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { asBoolean, asType, mapTensor } from './edit';
import { range, select } from './select';

/** The case without any feature that is no mask; `isCausal` as given. */
export function bareCase(c: AttentionCase, isCausal: boolean): AttentionCase {
  const plain = asType(c, 'float32');
  return {
    ...plain,
    bridge: 'base',
    rotary: undefined,
    slidingWindow: undefined,
    segments: undefined,
    softcap: undefined,
    maskLayout: undefined,
    isCausal,
    scale: 1 / Math.sqrt(c.query.shape[3]),
  };
}

/** Fewer features, one by one. */
export function* fewerFeatures(c: AttentionCase): Iterable<AttentionCase> {
  yield { ...c, mask: undefined };
  yield* simplerMask(c);
  if (c.bridge === 'rotary') yield { ...c, bridge: 'base', rotary: undefined };
  if (c.slidingWindow) yield { ...c, slidingWindow: undefined };
  if (c.segments) yield { ...c, segments: undefined };
  if (c.softcap !== undefined) yield { ...c, softcap: undefined };
  yield { ...c, scale: 1 / Math.sqrt(c.query.shape[3]) };
  yield { ...c, isCausal: false };
  yield { ...c, maskLayout: undefined };
  yield* fewerWants(c);
  for (const dtype of ['float32', 'float64', 'bfloat16'] as const) if (dtype !== c.query.dtype) yield asType(c, dtype);
  yield* otherGroups(c);
  yield* smallerParts(c);
}

/** Every query head with keys and values of its own; else fewer heads of keys and values. */
function* otherGroups(c: AttentionCase): Iterable<AttentionCase> {
  const { numHeads, numKvHeads } = sizesOf(c);
  if (numKvHeads === numHeads) return;
  const group = numHeads / numKvHeads;
  yield select(c, { ownKvHeads: range(numHeads).map((h) => Math.floor(h / group)) });
  for (const count of range(numKvHeads))
    if (count > 0 && numHeads % count === 0) yield select(c, { ownKvHeads: range(count) });
}

function* fewerWants(c: AttentionCase): Iterable<AttentionCase> {
  yield { ...c, want: {}, gradOutput: undefined };
  if (!c.want.gradients) yield { ...c, gradOutput: undefined };
  else yield { ...c, want: { ...c.want, gradients: undefined }, gradOutput: undefined };
  yield { ...c, want: { ...c.want, weights: undefined } };
  yield { ...c, want: { ...c.want, scores: undefined } };
}

/** Features that stay, with plainer numbers. */
function* smallerParts(c: AttentionCase): Iterable<AttentionCase> {
  const { rotary, slidingWindow: window, segments } = c;
  if (rotary) {
    const { batch, kvLen } = sizesOf(c);
    const positions = {
      ...rotary.positionIds,
      data: Float64Array.from({ length: batch * kvLen }, (_, n) => n % kvLen),
    };
    const change = (part: Partial<Rotary>): AttentionCase => ({ ...c, rotary: { ...rotary, ...part } });
    yield change({ positionIds: positions, base: 10000, layout: 'half', rotaryDim: 2 });
    yield change({ positionIds: positions, base: 10000, layout: 'half' });
    yield change({ positionIds: positions });
    yield change({ base: 10000 });
    yield change({ layout: 'half' });
    for (let dim = 2; dim < rotary.rotaryDim; dim += 2) yield change({ rotaryDim: dim });
    for (const n of range(rotary.positionIds.data.length)) {
      yield change({
        positionIds: { ...rotary.positionIds, data: rotary.positionIds.data.map((x, m) => (m === n ? n % kvLen : x)) },
      });
    }
  }
  if (window) {
    const { left, right } = window;
    if (left !== undefined && right !== undefined)
      yield* [
        { ...c, slidingWindow: { left } },
        { ...c, slidingWindow: { right } },
      ];
    for (const less of lower(left)) yield { ...c, slidingWindow: { ...window, left: less } };
    for (const less of lower(right)) yield { ...c, slidingWindow: { ...window, right: less } };
  }
  if (segments) {
    yield { ...c, segments: { ...segments, data: segments.data.map((x) => Math.min(x, 1)) } };
    for (const n of range(segments.data.length)) {
      if (segments.data[n] !== 0)
        yield { ...c, segments: { ...segments, data: segments.data.map((x, m) => (m === n ? 0 : x)) } };
    }
  }
  if (c.softcap !== undefined) yield { ...c, softcap: 1 };
  yield { ...c, scale: 1 };
}

const lower = (x: number | undefined): number[] => (x === undefined || x === 0 ? [] : [...new Set([0, x >> 1, x - 1])]);

/** The same cells in a plainer mask: boolean, of lower rank, of the exact size, without broadcast axes. */
export function* simplerMask(c: AttentionCase): Iterable<AttentionCase> {
  const { mask } = c;
  if (mask === undefined) return;
  const bools = asBoolean(mask);
  for (const rank of [2, 3] as const)
    if (rank < mask.rank) yield { ...c, mask: lowerRank(bools, rank, c), isCausal: false };
  for (const rank of [2, 3] as const) {
    if (rank >= mask.rank) continue;
    yield { ...c, mask: lowerRank(mask, rank, c), isCausal: false };
    yield { ...c, mask: lowerRank(mask, rank, c) };
  }
  yield { ...c, mask: bools };
  yield { ...c, mask: trimmed(mask, c) };
  if (mask.rank === 4) yield { ...c, mask: materialised(mask, c) };
  if (mask.form === 'additive') {
    const { lowest } = finfo[mask.tensor.dtype];
    const noBias = mapTensor(mask.tensor, (x) => (x === lowest || x === -Infinity ? x : 0));
    // A bias tells two keys apart as a hole does.
    yield { ...c, mask: asBoolean({ ...mask, tensor: mapTensor(mask.tensor, (x) => (x === 0 ? x : lowest)) }) };
    yield { ...c, mask: { ...mask, tensor: noBias } };
    yield { ...c, mask: { ...mask, tensor: mapTensor(mask.tensor, (x) => (x === -Infinity ? lowest : x)) } };
  }
}

/** What the first head (and for rank 2 the last row) of each batch row says. */
function lowerRank(mask: Mask, rank: 2 | 3, c: AttentionCase): Mask {
  const { batch } = sizesOf(c);
  const { shape } = mask.tensor;
  const columns = shape[shape.length - 1];
  const rows = shape[shape.length - 2];
  const wanted = rank === 2 ? [batch, columns] : [batch, rows === 1 ? c.query.shape[2] : rows, columns];
  const stride = mask.rank === 4 ? (shape[0] === 1 ? 0 : shape[1] * rows) : rows;
  return reshaped(mask, rank, wanted, (n) => {
    const row = Math.floor(n / columns);
    const b = rank === 2 ? row : Math.floor(row / wanted[1]);
    const r = rank === 2 || rows === 1 ? rows - 1 : row % wanted[1];
    return (b * stride + r) * columns + (n % columns);
  });
}

/** Without the columns and rows that an over-long mask has to spare. */
function trimmed(mask: Mask, c: AttentionCase): Mask {
  const { qLen, kvLen } = sizesOf(c);
  const { shape } = mask.tensor;
  const columns = shape[shape.length - 1];
  const rows = mask.rank === 2 ? 1 : shape[shape.length - 2];
  const keptRows = mask.rank === 2 ? 1 : Math.min(rows, qLen);
  const wanted = [...shape.slice(0, mask.rank === 2 ? 1 : -2), ...(mask.rank === 2 ? [] : [keptRows]), kvLen];
  return reshaped(mask, mask.rank, wanted, (n) => {
    const row = Math.floor(n / kvLen);
    return (Math.floor(row / keptRows) * rows + (row % keptRows)) * columns + (n % kvLen);
  });
}

/** A 4D mask with every axis at its full length. */
function materialised(mask: Mask, c: AttentionCase): Mask {
  const [batch, heads, rows, columns] = mask.tensor.shape;
  const wanted = [c.query.shape[0], c.query.shape[1], rows === 1 ? c.query.shape[2] : rows, columns];
  return reshaped(mask, 4, wanted, (n) => {
    const r = Math.floor(n / columns) % wanted[2];
    const h = Math.floor(n / (columns * wanted[2])) % wanted[1];
    const b = Math.floor(n / (columns * wanted[2] * wanted[1]));
    return (
      (((batch === 1 ? 0 : b) * heads + (heads === 1 ? 0 : h)) * rows + (rows === 1 ? 0 : r)) * columns + (n % columns)
    );
  });
}

/** The mask's numbers in another shape; `from` says where number n comes from. */
function reshaped(mask: Mask, rank: Mask['rank'], shape: readonly number[], from: (n: number) => number): Mask {
  const { data } = mask.tensor;
  const length = shape.reduce((a, b) => a * b, 1);
  const cells = data instanceof Uint8Array ? new Uint8Array(length) : new Float64Array(length);
  for (let n = 0; n < length; n++) cells[n] = data[from(n)];
  return { ...mask, rank, tensor: { ...mask.tensor, shape, data: cells } } as Mask;
}
