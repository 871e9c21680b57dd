import { keepGrid } from '../../reference/masks';
import { narrow } from '../../src/arbitraries/narrow';
import { keptInColumn, unmoved, withKeyMoved } from '../../src/compare/influence';
import { defineProperty } from '../../src/property';

/** Encoders run through code that was written for decoders: a triangle that nobody asked for still gives plausible numbers. */
export default defineProperty({
  id: 'causality/bidirectional',
  statement: 'Without causality the first query feels the last key.',
  compares: 'radius',
  needs: { bidirectional: true },
  cases: (domain) => narrow(domain, { isCausal: [false], minKvLen: 2 }),
  async check(context, c) {
    const last = c.key.shape[2] - 1;
    const cells = keptInColumn(c, keepGrid(c, context.supports), last).filter(({ i }) => i === 0);
    if (cells.length === 0) return undefined;
    const moved = withKeyMoved(c, last);
    const [before, after] = await context.attend([c, moved]);
    return unmoved(context, [c, before], [moved, after], cells);
  },
});
