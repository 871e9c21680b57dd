import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { finfo, round } from '../../reference/dtype';
import { gather, range } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { combination } from '../../src/compare/combination';
import { defineProperty } from '../../src/property';

/** The case with the numbers of its values changed. */
function withValues(c: AttentionCase, data: Float64Array): AttentionCase {
  return { ...c, value: { ...c.value, data } };
}

/** The values of the next key, and the sum of both: two combinations that are exact in the dtype, or the case is not taken. */
function nextValues(c: AttentionCase): Float64Array {
  const { kvLen } = sizesOf(c);
  return gather(
    c.value,
    2,
    range(kvLen).map((j) => (j + 1) % kvLen),
  ).data;
}

function sumOf(one: Float64Array, other: Float64Array): Float64Array {
  return one.map((x, n) => x + other[n]);
}

/** Clamps and quantisation of values are invisible while values are small and of one sign. */
export default defineProperty({
  id: 'numerics/linear-in-values',
  statement: 'The answer to a sum of values is the sum of the answers, and to values times -2 the answer times -2.',
  compares: 'radius',
  needs: {},
  cases: (domain) => narrow(domain, { contents: ['exact', 'ties', 'large'] }),
  guard: (c) => {
    const { dtype, data } = c.value;
    const exact = (x: number) => Math.abs(x) <= finfo[dtype].max / 4 && round(x, dtype) === x;
    return sumOf(data, nextValues(c)).every(exact) && data.every((x) => exact(-2 * x));
  },
  async check(context, c) {
    const next = nextValues(c);
    const cases = [
      c,
      withValues(c, next),
      withValues(c, sumOf(c.value.data, next)),
      withValues(
        c,
        c.value.data.map((x) => -2 * x),
      ),
    ];
    const [one, other, both, turned] = await context.attend(cases);
    return (
      combination(
        context,
        [cases[2], both],
        [
          [1, cases[0], one],
          [1, cases[1], other],
        ],
        'the sum of the answers to each',
      ) ?? combination(context, [cases[3], turned], [[-2, cases[0], one]], 'minus two times the answer to the values')
    );
  },
});
