import type { AttentionCase } from '../../reference/case';
import { narrow } from '../../src/arbitraries/narrow';
import { rowsOf } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** masked_fill_ on the caller's mask, query *= scale, a rotation in place: the answer is right and the next call is not. */
export default defineProperty({
  id: 'state/inputs-unchanged',
  statement: 'A call leaves its inputs byte for byte as they were.',
  compares: 'exact',
  needs: {},
  cases: (domain) => narrow(domain, {}),
  async check(context, c) {
    const { returns } = context.supports;
    const plain: AttentionCase = { ...c, want: {} };
    const hooked: AttentionCase = {
      ...c,
      want: { weights: returns.includes('weights'), scores: returns.includes('scores') },
    };
    const answers = await context.attend([plain, hooked]);
    context.tally('compared', rowsOf(c).length);
    const changed = [...new Set(answers.flatMap((answer) => answer.changed))];
    if (changed.length === 0) return undefined;
    return {
      summary: `The call wrote into ${changed.join(' and ')}.`,
      rows: [],
      cells: [],
    };
  },
});
