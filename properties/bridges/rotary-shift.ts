import type { AttentionCase } from '../../reference/case';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** Small and odd, so that no frequency comes round to where it was. */
const shifts = [1, 17];
/** Beyond this, angles themselves are too coarse to compare. */
const positions = 4096;

function shifted(c: AttentionCase, by: number): AttentionCase {
  if (!c.rotary) return c;
  const { positionIds } = c.rotary;
  return { ...c, rotary: { ...c.rotary, positionIds: { ...positionIds, data: positionIds.data.map((p) => p + by) } } };
}

/** A rotation of queries alone, of keys alone, or of both in opposite directions looks right at position 0 and nowhere else. */
export default defineProperty({
  id: 'bridges/rotary-shift',
  statement: 'Rotary attention depends on differences of positions only: shifting all positions alike changes nothing.',
  compares: 'radius',
  needs: { bridges: ['rotary'] },
  cases: (domain) => narrow(domain, { bridges: ['rotary'] }),
  guard: (c) => c.rotary !== undefined && Math.max(...c.rotary.positionIds.data) + Math.max(...shifts) < positions,
  async check(context, c) {
    const others = shifts.map((by) => shifted(c, by));
    const [before, ...after] = await context.attend([c, ...others]);
    for (const [n, other] of others.entries()) {
      const violation = within(context, [c, before], [other, after[n]], {
        with: `the same call with every position ${shifts[n]} higher`,
      });
      if (violation) return violation;
    }
    return undefined;
  },
});
