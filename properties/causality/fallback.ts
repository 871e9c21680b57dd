import { narrow } from '../../src/arbitraries/narrow';
import { probeCases, probeViolation, readProbe } from '../../src/compare/probe';
import { defineProperty } from '../../src/property';

/** The diagonal is off by one, or starts at the wrong corner: when q_len < kv_len, a triangle cut at the top left shows a decode step nothing but the first key. */
export default defineProperty({
  id: 'causality/fallback',
  statement: 'Without a mask and with isCausal, a query uses exactly the keys up to its own position.',
  compares: 'exact',
  needs: { causal: ['bottom_right', 'top_left'] },
  cases: (domain) =>
    narrow(domain, {
      maskRanks: ['none'],
      isCausal: [true],
      slidingWindow: 'never',
      segments: 'never',
      crossLength: 'never',
    }),
  async check(context, c) {
    return probeViolation(context, c, readProbe(c, await context.attend(probeCases(c, context.supports))));
  },
});
