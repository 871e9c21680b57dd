import { countedPositions, modelSizesOf, type ModelCase, type ModelMask } from '../../../reference/model-case';
import { isSmaller } from '../shrink/measure';
import { admitsModel } from './admits';
import { modelMasks, type ModelConstraints, type ModelMaskKind } from './constraints';
import { maskKindOf, maskOf, realTokens } from './masks';

/** How large a model case is, most important first: sizes, features, padding, how early it stands, ids. Nothing shrinks for ever. */
export function modelSizeOf(c: ModelCase): readonly number[] {
  const { batch, seqLen } = modelSizesOf(c);
  const features =
    (c.dtype === 'float32' ? 0 : 1) +
    2 * modelMasks.indexOf(maskKindOf(c)) +
    (c.positionIds === undefined ? 0 : 2) +
    (c.chunks === undefined ? 0 : 2 + c.chunks.length);
  let dropped = 0;
  let early = 0;
  realTokens(c).forEach((real, n) => {
    if (real === 1) return;
    dropped++;
    early += seqLen - (n % seqLen);
  });
  const explicit = c.mask?.rank === 4 ? c.mask.tensor.data.filter((x: number) => x === 0).length : 0;
  return [batch + seqLen, features, dropped, early, explicit, c.tokens.data.reduce((sum, id) => sum + id, 0)];
}

/** Smaller model cases, made lazily from the case alone, each once: fewer rows and tokens, fewer features, less padding, smaller ids. */
export function* shrinkModelCase(c: ModelCase, limits: ModelConstraints): Iterable<ModelCase> {
  const size = modelSizeOf(c);
  const seen = new Set<string>();
  for (const candidate of candidates(c)) {
    if (!isSmaller(modelSizeOf(candidate), size) || admitsModel(limits, candidate) !== undefined) continue;
    const print = fingerprint(candidate);
    if (seen.has(print)) continue;
    seen.add(print);
    yield candidate;
  }
}

const fingerprint = ({ tokens, dtype, mask, positionIds, chunks, want }: ModelCase): string =>
  [
    tokens.shape.join(),
    tokens.data.join(),
    dtype,
    mask && `${mask.rank}${mask.form}${mask.tensor.data.join()}`,
    positionIds !== undefined,
    chunks?.join(),
    want.gradients,
  ].join('|');

function* candidates(c: ModelCase): Iterable<ModelCase> {
  const { batch, seqLen } = modelSizesOf(c);
  const rows = range(batch);
  const columns = range(seqLen);
  for (const b of rows)
    for (const pair of [
      [0, 1],
      [seqLen - 2, seqLen - 1],
    ])
      yield* chosen(c, [b], pair);
  if (batch > 1) {
    for (const b of rows) yield* chosen(c, [b], columns);
    for (const b of rows)
      yield* chosen(
        c,
        rows.filter((other) => other !== b),
        columns,
      );
  }
  if (seqLen > 1) {
    const half = seqLen >> 1;
    yield* chosen(c, rows, columns.slice(0, half));
    yield* chosen(c, rows, columns.slice(half));
    for (const i of columns)
      yield* chosen(
        c,
        rows,
        columns.filter((other) => other !== i),
      );
  }
  yield* fewerFeatures(c);
  yield* lessPadding(c);
  const { data } = c.tokens;
  const withIds = (ids: Float64Array): ModelCase => ({ ...c, tokens: { ...c.tokens, data: ids } });
  yield withIds(new Float64Array(data.length));
  yield withIds(data.map((id) => Math.min(id, 1)));
  for (const [n, id] of data.entries())
    for (const smaller of [0, 1, id >> 1]) if (smaller < id) yield withIds(changed(data, n, smaller));
}

/** Some rows and some tokens of each. */
function* chosen(c: ModelCase, rows: readonly number[], columns: readonly number[]): Iterable<ModelCase> {
  const { seqLen } = modelSizesOf(c);
  if (columns.length === 0 || columns.some((i) => i < 0 || i >= seqLen)) return;
  const shape = [rows.length, columns.length];
  const at = (b: number, i: number) => b * seqLen + i;
  const data = Float64Array.from(rows.flatMap((b) => columns.map((i) => c.tokens.data[at(b, i)])));
  const cut: ModelCase = {
    ...c,
    tokens: { ...c.tokens, shape, data },
    mask: c.mask && cutMask(c.mask, rows, columns, seqLen),
  };
  const placed = c.positionIds === undefined ? cut : { ...cut, positionIds: countedPositions(cut) };
  if (c.chunks === undefined) yield placed;
  else {
    let end = 0;
    const chunks = c.chunks.map((length) => {
      const start = end;
      end += length;
      return columns.filter((i) => i >= start && i < start + length).length;
    });
    yield { ...placed, chunks: chunks.filter((length) => length > 0) };
  }
}

function cutMask(mask: ModelMask, rows: readonly number[], columns: readonly number[], seqLen: number): ModelMask {
  const places =
    mask.rank === 2
      ? rows.flatMap((b) => columns.map((i) => b * seqLen + i))
      : rows.flatMap((b) => columns.flatMap((i) => columns.map((j) => (b * seqLen + i) * seqLen + j)));
  const shape = mask.rank === 2 ? [rows.length, columns.length] : [rows.length, 1, columns.length, columns.length];
  const cells = places.map((n) => mask.tensor.data[n]);
  const data = mask.form === 'boolean' ? Uint8Array.from(cells) : Float64Array.from(cells);
  return { ...mask, tensor: { ...mask.tensor, shape, data } } as ModelMask;
}

function* fewerFeatures(c: ModelCase): Iterable<ModelCase> {
  const { seqLen } = modelSizesOf(c);
  yield { ...c, mask: undefined };
  const { chunks } = c;
  if (chunks !== undefined) {
    yield { ...c, chunks: undefined };
    yield { ...c, chunks: [seqLen] };
    for (let n = 1; n < chunks.length; n++) {
      yield { ...c, chunks: [...chunks.slice(0, n - 1), chunks[n - 1] + chunks[n], ...chunks.slice(n + 1)] };
    }
  }
  if (c.positionIds !== undefined) yield { ...c, positionIds: undefined };
  if (c.dtype !== 'float32') yield { ...c, dtype: 'float32' };
  const kind = maskKindOf(c);
  for (const plainer of modelMasks.slice(1, modelMasks.indexOf(kind))) yield withReal(c, plainer, realTokens(c));
}

/** The case with other tokens real, its mask in a form. */
function withReal(c: ModelCase, kind: ModelMaskKind, real: Uint8Array): ModelCase {
  const masked: ModelCase = { ...c, mask: maskOf(kind, real, c.tokens.shape[0]) };
  return c.positionIds === undefined ? masked : { ...masked, positionIds: countedPositions(masked) };
}

function* lessPadding(c: ModelCase): Iterable<ModelCase> {
  if (c.mask === undefined) return;
  const kind = maskKindOf(c);
  const real = realTokens(c);
  const { seqLen } = modelSizesOf(c);
  yield withReal(c, kind, new Uint8Array(real.length).fill(1));
  for (const [n, is] of real.entries()) if (is === 0) yield withReal(c, kind, changed(real, n, 1));
  // Padding moves to the right, where it is the least odd.
  for (const [n, is] of real.entries())
    if (is === 0 && n % seqLen < seqLen - 1 && real[n + 1] === 1)
      yield withReal(c, kind, changed(changed(real, n, 1), n + 1, 0));
}

function changed<T extends Uint8Array | Float64Array>(numbers: T, n: number, to: number): T {
  const copy = numbers.slice() as T;
  copy[n] = to;
  return copy;
}

const range = (length: number): number[] => Array.from({ length }, (_, n) => n);
