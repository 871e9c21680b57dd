/** The definition itself as a backend: what every property is tried on before it is tried on anyone else. */
import type { AttentionCase, Conventions, FloatTensor, FloatType } from '../../reference/case';
import { roundAll } from '../../reference/dtype';
import { gradientsOf } from '../../reference/gradients';
import { attend } from '../../reference/oracle';
import type { Precision } from '../../reference/precision';
import { problemOf } from '../../reference/validate';
import { defineBackend, type Backend, type BackendAnswer, type Supports } from '../backend';
import { resolveSupports } from '../supports';
import { packageVersion } from '../version';

/** float64 throughout, and one rounding of the answer to the case's dtype. */
const precision = (dtype: FloatType): Precision => ({
  accumulate: { type: 'float64' },
  scale: { roundings: 2 },
  exp: { relative: 2 ** -52, tiny: 2 ** -1074 },
  divide: 1,
  output: dtype,
  rotary: { angle: 2 ** -53, trig: 2, pow: 2 },
  backward: { weights: 'kept', mean: 'weights', partial: { type: 'float64' } },
});

const everything: Partial<Supports> = {
  bridges: ['base', 'rotary'],
  dtypes: ['float32', 'float64', 'float16', 'bfloat16'],
  maskRanks: [2, 3, 4],
  maskForms: ['boolean', 'additive', 'integer'],
  causal: 'bottom_right',
  bidirectional: true,
  fullyMaskedRow: 'zeros',
  scoreSentinel: 'finfo_min',
  overlongKeys: 'trimmed',
  overlongRows: 'position',
  groupedHeads: true,
  cache: true,
  crossLength: true,
  valueDim: true,
  scale: true,
  slidingWindow: true,
  segments: true,
  softcap: true,
  layouts: true,
  returns: ['output', 'weights', 'scores', 'gradients'],
  poison: { keys: ['boolean', 'additive', 'integer'], values: ['boolean', 'additive', 'integer'] },
  bitwise: 'always',
  precision: {
    float64: precision('float64'),
    float32: precision('float32'),
    float16: precision('float16'),
    bfloat16: precision('bfloat16'),
  },
};

/** The oracle under other conventions: `oracleBackend({ fullyMaskedRow: 'nan', causal: 'top_left' })`. */
export function oracleBackend(conventions: Partial<Supports> = {}, name = 'oracle'): Backend {
  const supports = { ...everything, ...conventions };
  const resolved = resolveSupports(supports);
  return defineBackend({
    name,
    versions: { maskproof: packageVersion() },
    supports,
    open: () => ({ attend: (cases) => cases.map((c) => answer(c, resolved)) }),
  });
}

function answer(c: AttentionCase, conventions: Conventions): BackendAnswer {
  const problem = problemOf(c, conventions);
  if (problem !== undefined) return { error: { type: 'ValueError', message: problem } };
  const { output, weights, scores } = attend(c, conventions);
  const { dtype, shape } = c.query;
  const [batch, numHeads, qLen] = shape;
  const cells = [batch, numHeads, qLen, c.key.shape[2]];
  const rounded = (data: Float64Array, of: readonly number[]): FloatTensor => ({
    dtype,
    shape: of,
    data: roundAll(data, dtype),
  });
  return {
    output: rounded(output, [batch, numHeads, qLen, c.value.shape[3]]),
    ...(c.want.weights && { weights: rounded(weights, cells) }),
    ...(c.want.scores && { scores: rounded(scores, cells) }),
    ...(c.want.gradients && { gradients: gradients(c, conventions) }),
  };
}

function gradients(c: AttentionCase, conventions: Conventions) {
  const { query, key, value } = gradientsOf(c, conventions);
  const { dtype } = c.query;
  const rounded = (data: Float64Array, { shape }: FloatTensor): FloatTensor => ({
    dtype,
    shape,
    data: roundAll(data, dtype),
  });
  return { query: rounded(query, c.query), key: rounded(key, c.key), value: rounded(value, c.value) };
}
