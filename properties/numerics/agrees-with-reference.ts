import type { AttentionCase } from '../../reference/case';
import { narrow } from '../../src/arbitraries/narrow';
import { agrees } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

const parts = ['output', 'weights', 'scores'] as const;

/** Laws compare a backend with itself; a scale that is missing on both sides, or a head that is read twice, only the definition sees. */
export default defineProperty({
  id: 'numerics/agrees-with-reference',
  statement: 'Output, weights and scores lie within the derived radius of the reference.',
  compares: 'radius',
  needs: {},
  cases: (domain) => narrow(domain, {}),
  async check(context, c) {
    const { returns } = context.supports;
    const want = { weights: returns.includes('weights'), scores: returns.includes('scores') };
    const asked: AttentionCase = { ...c, want };
    const [[answer], [expectation]] = await Promise.all([context.attend([asked]), context.reference([asked])]);
    for (const of of parts) {
      const violation = agrees(context, asked, answer, expectation, { of, with: 'the reference', states: 'kept' });
      if (violation) return violation;
    }
    return undefined;
  },
});
