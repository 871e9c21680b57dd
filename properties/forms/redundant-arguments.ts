import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import type { ResolvedSupports } from '../../src/backend';
import { withFullMask } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

interface Variant {
  readonly name: string;
  readonly c: AttentionCase;
}

/** Everything that says nothing, among what the backend takes. An all-true 4D mask does say something to a causal call: see the future. */
function saysNothing(c: AttentionCase, supports: ResolvedSupports): Variant[] {
  const { batch, qLen, kvLen } = sizesOf(c);
  const masks = supports.maskRanks
    .filter((rank) => rank !== 4 || !c.isCausal)
    .flatMap((rank) =>
      supports.maskForms
        .filter((form) => form !== 'integer' || rank === 2)
        .map((form) => ({
          name: `the answer with an ${form} ${rank}D mask that keeps everything`,
          c: withFullMask(c, rank, form),
        })),
    );
  // Cross attention has neither window nor segments; a causal window is only ever counted to the left.
  const around =
    qLen > kvLen
      ? []
      : [
          ...(supports.slidingWindow
            ? [
                {
                  name: 'the answer with a window that covers all',
                  c: { ...c, slidingWindow: c.isCausal ? { left: kvLen } : { left: kvLen, right: kvLen } },
                },
              ]
            : []),
          ...(supports.segments
            ? [
                {
                  name: 'the answer with a single segment',
                  c: {
                    ...c,
                    segments: { dtype: 'int64' as const, shape: [batch, kvLen], data: new Float64Array(batch * kvLen) },
                  },
                },
              ]
            : []),
        ];
  return [...masks, ...around];
}

/** A mask that keeps everything takes another path than no mask: causality is dropped (or forced) as soon as any mask is given. */
export default defineProperty({
  id: 'forms/redundant-arguments',
  statement:
    'No mask, a mask that keeps everything, a zero bias, a window that covers all and a single segment all mean the same.',
  compares: 'radius',
  needs: {
    other: ({ maskRanks, slidingWindow, segments }) =>
      maskRanks.length > 0 || slidingWindow || segments ? undefined : 'declares no mask, window or segments',
  },
  cases: (domain) => narrow(domain, { maskRanks: ['none'], slidingWindow: 'never', segments: 'never' }),
  guard: (c, supports) => saysNothing(c, supports).length > 0,
  async check(context, c) {
    const variants = saysNothing(c, context.supports);
    const [plain, ...answers] = await context.attend([c, ...variants.map((variant) => variant.c)]);
    for (const [n, variant] of variants.entries()) {
      const found = within(context, [c, plain], [variant.c, answers[n]], { with: variant.name });
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
