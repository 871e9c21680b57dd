import type { AttentionCase, FloatTensor } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { mix, withEntries, withForm } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

const salt = 41;
/** Powers of two. */
const u = (i: number) => [1, -2, 0.5, -1][mix(salt, i) % 4];
/** Quarters up to 2, so that u w is exact in every dtype. */
const w = (j: number) => ((mix(salt + 1, j) % 17) - 8) / 4;

/** The features of every vector, cut off or filled with zeros to `size`, each times `factor`. */
function resized(tensor: FloatTensor, size: number, factor = 1): FloatTensor {
  const old = tensor.shape[3];
  const data = new Float64Array((tensor.data.length / old) * size);
  for (let n = 0; n < tensor.data.length; n += 1)
    data[Math.floor(n / old) * size + (n % old)] = tensor.data[n] * factor;
  return { ...tensor, shape: [...tensor.shape.slice(0, 3), size], data };
}

/** One feature set in every vector, by its place along axis 2. */
function withFeature(tensor: FloatTensor, feature: number, number: (place: number) => number): FloatTensor {
  const [, , places, features] = tensor.shape;
  const data = tensor.data.slice();
  for (let n = 0; n * features < data.length; n += 1) data[n * features + feature] = number(n % places);
  return { ...tensor, data };
}

/** What both twins start from: the power of two nearest to the scale, or head_dim 4 or 16 and four times that, where the scale follows head_dim. */
function dimensions(c: AttentionCase, scaleIsFree: boolean) {
  const { headDim } = sizesOf(c);
  if (scaleIsFree) {
    const scale = 2 ** Math.round(Math.log2(c.scale));
    return { small: headDim, large: headDim + 1, smallScale: scale, largeScale: scale };
  }
  const small = headDim <= 4 ? 4 : 16;
  return { small, large: 4 * small, smallScale: 1 / Math.sqrt(small), largeScale: 1 / Math.sqrt(4 * small) };
}

/** The case with the bias u_i w_j in its mask, and without it but with one more feature that makes it. */
function twins(c: AttentionCase, scaleIsFree: boolean, valueIsFree: boolean): readonly [AttentionCase, AttentionCase] {
  const plain = withForm(c, 'additive', 'inf');
  const mask = plain.mask;
  if (mask === undefined) return [c, c];
  const { small, large, smallScale, largeScale } = dimensions(c, scaleIsFree);
  const [rows, columns] = mask.rank === 2 ? [1, mask.tensor.shape[1]] : mask.tensor.shape.slice(-2);
  const onlyRow = rows === 1;
  const biased = withEntries(plain, (add, index) =>
    add === undefined ? undefined : (onlyRow ? 1 : u(Math.floor(index / columns) % rows)) * w(index % columns),
  );
  const value = (size: number) => (valueIsFree ? c.value : resized(c.value, size));
  return [
    { ...biased, query: resized(c.query, small), key: resized(c.key, small), value: value(small), scale: smallScale },
    {
      ...plain,
      query: withFeature(
        resized(c.query, large, smallScale / largeScale),
        large - 1,
        (i) => (onlyRow ? 1 : u(i)) / largeScale,
      ),
      key: withFeature(resized(c.key, large), large - 1, w),
      value: value(large),
      scale: largeScale,
    },
  ];
}

/** A float mask whose non-zero entries are taken for "masked" passes with 0 and -inf (pytorch#107084); a bias that is also a feature of query and key needs no oracle. */
export default defineProperty({
  id: 'forms/finite-bias',
  statement:
    'A finite bias u_i w_j in an additive mask is the same as one more feature u_i / scale of the queries and w_j of the keys.',
  compares: 'radius',
  needs: { anyRank: [2, 3, 4], forms: ['additive'] },
  cases: (domain) =>
    narrow(domain, {
      maskRanks: [2, 3, 4],
      maskForms: ['boolean', 'additive'],
      bias: 'never',
      softcap: 'never',
      maxHeadDim: 16,
    }),
  // Twice a query, and a feature up to 2 / scale, stay numbers.
  guard: (c) =>
    c.scale >= 2 ** -8 && c.scale <= 2 ** 8 && c.query.data.every((x) => Math.abs(x) < finfo[c.query.dtype].max / 4),
  async check(context, c) {
    const [biased, longer] = twins(c, context.supports.scale, context.supports.valueDim);
    const [byBias, byFeature] = await context.attend([biased, longer]);
    return within(context, [biased, byBias], [longer, byFeature], {
      with: 'the answer with the bias as one more feature',
    });
  },
});
