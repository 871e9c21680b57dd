/** The masks of model cases: which tokens are real, and the forms in which that can be said. */
import { finfo } from '../../../reference/dtype';
import { isReal, modelSizesOf, sees, type ModelCase, type ModelMask } from '../../../reference/model-case';
import type { ModelMaskKind, Padding } from './constraints';

/** How the mask of a case is given. */
export function maskKindOf({ mask }: ModelCase): ModelMaskKind {
  if (mask === undefined) return 'none';
  return mask.rank === 2 ? mask.form : mask.form === 'boolean' ? 'explicit_boolean' : 'explicit_additive';
}

/** [batch, seq_len]: 1 where there is a token, 0 where there is padding. */
export function realTokens(c: ModelCase): Uint8Array {
  const { batch, seqLen } = modelSizesOf(c);
  return Uint8Array.from({ length: batch * seqLen }, (_, n) => +isReal(c, Math.floor(n / seqLen), n % seqLen));
}

/** The mask that says of tokens which are real, [batch, seq_len], in a form; explicit ones say what causality and padding leave together. */
export function maskOf(kind: ModelMaskKind, real: Uint8Array, batch: number): ModelMask | undefined {
  const seqLen = real.length / batch;
  const shape = [batch, seqLen];
  switch (kind) {
    case 'none':
      return undefined;
    case 'boolean':
      return { rank: 2, form: 'boolean', tensor: { dtype: 'bool', shape, data: real.slice() } };
    case 'integer':
      return { rank: 2, form: 'integer', tensor: { dtype: 'int64', shape, data: Float64Array.from(real) } };
    case 'float':
      return { rank: 2, form: 'float', tensor: { dtype: 'float32', shape, data: Float64Array.from(real) } };
    case 'explicit_boolean':
    case 'explicit_additive':
      return explicit(kind, batch, seqLen, (b, i, j) => j <= i && real[b * seqLen + j] === 1);
  }
}

/** The mask of a case said in another way. An explicit one is what the case lets every token see. */
export function saidAs(kind: ModelMaskKind, c: ModelCase): ModelMask | undefined {
  const { batch, seqLen } = modelSizesOf(c);
  return kind === 'explicit_boolean' || kind === 'explicit_additive'
    ? explicit(kind, batch, seqLen, (b, i, j) => sees(c, b, i, j))
    : maskOf(kind, realTokens(c), batch);
}

function explicit(
  kind: 'explicit_boolean' | 'explicit_additive',
  batch: number,
  seqLen: number,
  keeps: (b: number, i: number, j: number) => boolean,
): ModelMask {
  const shape = [batch, 1, seqLen, seqLen];
  const cells = Uint8Array.from({ length: batch * seqLen * seqLen }, (_, n) => {
    const row = Math.floor(n / seqLen);
    return +keeps(Math.floor(row / seqLen), row % seqLen, n % seqLen);
  });
  if (kind === 'explicit_boolean') return { rank: 4, form: 'boolean', tensor: { dtype: 'bool', shape, data: cells } };
  const data = Float64Array.from(cells, (cell) => (cell === 1 ? 0 : finfo.float32.lowest));
  return { rank: 4, form: 'additive', tensor: { dtype: 'float32', shape, data } };
}

/** Where the padding of a case stands. */
export function paddingOf(c: ModelCase): Padding {
  const { batch, seqLen } = modelSizesOf(c);
  const real = realTokens(c);
  const kinds = Array.from({ length: batch }, (_, b) => rowPadding(real.subarray(b * seqLen, (b + 1) * seqLen)));
  return (['rows', 'interior', 'left', 'right'] as const).find((kind) => kinds.includes(kind)) ?? 'none';
}

function rowPadding(real: Uint8Array): Padding {
  const first = real.indexOf(1);
  if (first < 0) return 'rows';
  const last = real.lastIndexOf(1);
  if (real.subarray(first, last).includes(0) || (first > 0 && last < real.length - 1)) return 'interior';
  return first > 0 ? 'left' : last < real.length - 1 ? 'right' : 'none';
}
