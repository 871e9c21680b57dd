import type { AttentionCase, Layout } from '../../reference/case';
import { maskBroadcasts, withMaskWrittenOut } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { identical } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** The views a mask can be given as; one that is expanded has to repeat itself along an axis. */
function views(c: AttentionCase): readonly Layout[] {
  return maskBroadcasts(c) ? ['transposed', 'strided', 'offset', 'expanded'] : ['transposed', 'strided', 'offset'];
}

/** A kernel that reads a mask by its own idea of strides is right for every mask that a test allocates, and wrong for a slice of a cached one. */
export default defineProperty({
  id: 'forms/layout',
  statement: 'The same mask as a transposed, strided, offset or expanded view gives the same output.',
  compares: 'bitwise',
  needs: { anyRank: [2, 3, 4], abilities: ['layouts'] },
  cases: (domain) => narrow(domain, { maskRanks: [2, 3, 4] }),
  async check(context, c) {
    const plain = { ...withMaskWrittenOut(c), maskLayout: 'contiguous' as const };
    const layouts = views(c);
    const variants = layouts.map((maskLayout): AttentionCase => ({ ...plain, maskLayout }));
    const [before, ...answers] = await context.attend([plain, ...variants]);
    for (const [n, variant] of variants.entries()) {
      const found = identical(context, [plain, before], [variant, answers[n]], {
        with: `the answer to the contiguous mask when its layout is ${layouts[n]}`,
      });
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
