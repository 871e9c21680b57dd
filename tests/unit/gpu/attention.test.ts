import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttentionCase, Conventions, EmptyRow } from '../../../reference/case';
import { engines, type Engine } from '../../../reference/gpu/engines';
import { attendPacked, referenceConventions, type ReferenceAnswer } from '../../../reference/gpu/packing';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import { judgeAnswer } from '../../../src/engine/self-check';
import { everyCase } from './cases';
import { atMost, engineHere } from './here';

/** MASKPROOF_CASES, or a few; a twentieth of them where a driver computes in software. */
const usual = Number(process.env.MASKPROOF_CASES ?? 1200);

describe.each(engines)('the reference on $name', (entry) => {
  it('agrees with the oracle within the radius, whatever the case', { timeout: 3_600_000 }, async (test) => {
    const engine = await engineHere(entry, test);
    const due = atMost(usual, engine);
    let agreed = 0;
    for (let seed = 20261123; agreed < due; seed++) {
      const cases = fc.sample(attentionCase(everyCase), { numRuns: Math.min(256, due), seed });
      const answers = await attendPacked(engine, cases);
      const misses = cases.flatMap((c, n) => outside(c, answers[n], referenceConventions, engine));
      expect(misses.slice(0, 8), `seed ${seed}`).toEqual([]);
      agreed += cases.length;
    }
    await test.annotate(`${agreed} cases on ${engine.describe()}`);
  });

  it.for<EmptyRow>(['zeros', 'uniform', 'nan'])(
    'answers rows that keep nothing with %s where that is the convention',
    async (contract, test) => {
      const engine = await engineHere(entry, test);
      const conventions = {
        ...referenceConventions,
        fullyMaskedRow: { boolean: contract, finfo: contract, inf: contract },
      };
      const cases = fc.sample(attentionCase({ ...everyCase, emptyRows: 'always' }), {
        numRuns: atMost(300, engine),
        seed: 1,
      });
      const answers = await attendPacked(engine, cases, conventions);
      expect(cases.flatMap((c, n) => outside(c, answers[n], conventions, engine))).toEqual([]);
    },
  );

  it.for<Partial<Conventions>>([
    { causal: 'top_left' },
    { overlongRows: 'first' },
    { overlongRows: 'last' },
    { scoreSentinel: '-inf' },
  ])('reads a case by the convention %o', async (changed, test) => {
    const engine = await engineHere(entry, test);
    const conventions = { ...referenceConventions, ...changed };
    const constraints = {
      ...everyCase,
      causal: conventions.causal,
      overlongRows: changed.overlongRows ? 'always' : 'never',
    } as const;
    const cases = fc.sample(attentionCase({ ...constraints, ...(changed.overlongRows ? { maskRanks: [3, 4] } : {}) }), {
      numRuns: atMost(300, engine),
      seed: 2,
    });
    const answers = await attendPacked(engine, cases, conventions);
    expect(cases.flatMap((c, n) => outside(c, answers[n], conventions, engine))).toEqual([]);
  });
});

/** What an answer has outside of what the oracle allows. */
function outside(
  c: AttentionCase,
  answer: ReferenceAnswer,
  conventions: Conventions,
  engine: Engine,
): readonly string[] {
  return judgeAnswer(c, answer, conventions, engine).misses;
}
