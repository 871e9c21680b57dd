import type { AttentionCase } from '../../reference/case';
import { narrow } from '../../src/arbitraries/narrow';
import { agrees } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** A hook that reads scores takes what dropped cells show at its word: -1e9, a -inf that overflowed, or the raw score all leave the answer alone. */
export default defineProperty({
  id: 'hooks/sentinel',
  statement: 'Scores show the declared sentinel in dropped cells and the score after softcap and bias in kept ones.',
  compares: 'exact',
  needs: {
    returns: ['scores'],
    other: ({ scoreSentinel }) =>
      scoreSentinel === undefined ? 'does not declare what dropped cells show in the scores' : undefined,
  },
  cases: (domain) => narrow(domain, { want: { scores: true } }),
  async check(context, c) {
    const asked: AttentionCase = { ...c, want: { ...c.want, scores: true } };
    const [answer] = await context.attend([asked]);
    return agrees(context, asked, answer, context.expect(asked), {
      of: 'scores',
      with: 'what enters the softmax',
      states: 'kept',
    });
  },
});
