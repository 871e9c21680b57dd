import type { AttentionCase, FloatTensor, Want } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { narrow } from '../../src/arbitraries/narrow';
import { alike } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

const asked = ['weights', 'scores', 'gradients'] as const;

/** Halves of either sign, where the case brings no gradient of its own. */
function gradientOf(c: AttentionCase): FloatTensor {
  if (c.gradOutput) return c.gradOutput;
  const { batch, numHeads, qLen, vHeadDim } = sizesOf(c);
  const shape = [batch, numHeads, qLen, vHeadDim];
  const data = Float64Array.from({ length: batch * numHeads * qLen * vHeadDim }, (_, n) => (n % 3) / 2 - 0.5);
  return { dtype: c.query.dtype, shape, data };
}

function asking(c: AttentionCase, want: Want): AttentionCase {
  return { ...c, want, gradOutput: want.gradients ? gradientOf(c) : undefined };
}

/** Asking for weights leaves the fused kernel for another path, where causality, the scale or the mask's dtype may be forgotten. */
export default defineProperty({
  id: 'hooks/asking-changes-nothing',
  statement: 'Asking for weights, scores or gradients does not change the output.',
  compares: 'radius',
  needs: {
    other: ({ returns }) =>
      asked.some((part) => returns.includes(part)) ? undefined : 'returns nothing but the output',
  },
  cases: (domain) => narrow(domain, {}),
  async check(context, c) {
    const parts = asked.filter((part) => context.supports.returns.includes(part));
    const plain = asking(c, {});
    const others = parts.map((part) => asking(c, { [part]: true }));
    const [before, ...after] = await context.attend([plain, ...others]);
    for (const [n, other] of others.entries()) {
      const violation = alike(context, [plain, before], [other, after[n]], {
        with: `the same call with ${parts[n]} asked for`,
      });
      if (violation) return violation;
    }
    return undefined;
  },
});
