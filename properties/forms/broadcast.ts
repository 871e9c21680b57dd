import { maskBroadcasts, withMaskWrittenOut } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { alike } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** An axis of 1 in the wrong place is silent as soon as two sizes coincide: batch for heads, heads for queries. */
export default defineProperty({
  id: 'forms/broadcast',
  statement: 'A 4D mask that broadcasts over batch, heads or queries means the same written out.',
  compares: 'radius',
  needs: { anyRank: [4] },
  cases: (domain) => narrow(domain, { maskRanks: [4], broadcast: 'always' }),
  guard: maskBroadcasts,
  async check(context, c) {
    const written = withMaskWrittenOut(c);
    const [broadcast, full] = await context.attend([c, written]);
    return alike(context, [c, broadcast], [written, full], { with: 'the answer to the mask written out' });
  },
});
