/** Variants of a model case: the same text said otherwise, or another text where it may not matter. */
import { countedPositions, isReal, modelSizesOf, type ModelCase } from '../../../reference/model-case';
import { Dice } from '../dice';
import type { ModelMaskKind } from './constraints';
import { maskKindOf, maskOf, realTokens, saidAs } from './masks';

/** Other tokens where `at` says so, all different from what stood there. */
export function withTokensChanged(
  c: ModelCase,
  vocab: number,
  at: (b: number, i: number) => boolean,
  seed = 1,
): ModelCase {
  const { seqLen } = modelSizesOf(c);
  const dice = new Dice(seed, 1, 0);
  const data = c.tokens.data.map((id, n) =>
    at(Math.floor(n / seqLen), n % seqLen) ? (id + dice.int(1, vocab - 1)) % vocab : id,
  );
  return { ...c, tokens: { ...c.tokens, data } };
}

/** The same mask in another form. Explicit ones say what causality and padding leave together. */
export function withMaskSaidAs(c: ModelCase, kind: ModelMaskKind): ModelCase {
  return { ...c, mask: saidAs(kind, c) };
}

/** The indices of the tokens of a row that are no padding. */
export function realIndices(c: ModelCase, b: number): number[] {
  return Array.from({ length: modelSizesOf(c).seqLen }, (_, i) => i).filter((i) => isReal(c, b, i));
}

/** The real tokens of a row alone: no padding, no mask, no positions of their own, one shot. */
export function rowAlone(c: ModelCase, b: number): ModelCase {
  const { seqLen } = modelSizesOf(c);
  const data = Float64Array.from(realIndices(c, b), (i) => c.tokens.data[b * seqLen + i]);
  return { tokens: { ...c.tokens, shape: [1, data.length], data }, dtype: c.dtype, want: {} };
}

/** The same rows with all their padding on one side, and `more` columns of it added. */
export function paddedOn(c: ModelCase, side: 'left' | 'right', more = 0): ModelCase {
  const { batch, seqLen } = modelSizesOf(c);
  const length = seqLen + more;
  const tokens = new Float64Array(batch * length);
  const real = new Uint8Array(batch * length);
  for (let b = 0; b < batch; b++) {
    const indices = realIndices(c, b);
    indices.forEach((i, n) => {
      const at = b * length + n + (side === 'left' ? length - indices.length : 0);
      tokens[at] = c.tokens.data[b * seqLen + i];
      real[at] = 1;
    });
  }
  const kind = maskKindOf(c);
  const moved: ModelCase = {
    ...c,
    tokens: { ...c.tokens, shape: [batch, length], data: tokens },
    mask: maskOf(kind === 'none' ? 'integer' : kind, real, batch),
    chunks: c.chunks && [...c.chunks.slice(0, -1), (c.chunks.at(-1) ?? 0) + more],
  };
  return c.positionIds === undefined ? moved : { ...moved, positionIds: countedPositions(moved) };
}

/** The place that a token of a row has among its real ones. */
export function rankOf(c: ModelCase, b: number, i: number): number {
  return realIndices(c, b).indexOf(i);
}

/** Whether the tokens of a row that are no padding stand together, at its start, and at its end. */
export function shapeOfRow(c: ModelCase, b: number) {
  const { seqLen } = modelSizesOf(c);
  const row = realTokens(c).subarray(b * seqLen, (b + 1) * seqLen);
  const first = row.indexOf(1);
  const last = row.lastIndexOf(1);
  const isTogether = first < 0 || !row.subarray(first, last).includes(0);
  return { isTogether, isAtStart: isTogether && first <= 0, isAtEnd: isTogether && (first < 0 || last === seqLen - 1) };
}
