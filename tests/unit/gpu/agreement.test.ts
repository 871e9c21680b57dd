import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { engines } from '../../../reference/gpu/engines';
import { attendPacked, referenceConventions } from '../../../reference/gpu/packing';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import { judgeAnswer } from '../../../src/engine/self-check';
import { everyCase } from './cases';
import { atMost, engineHere } from './here';

/** Cases an engine; 100,000 are asked for by hand: MASKPROOF_CASES=100000 npx vitest run tests/unit/gpu/agreement.test.ts */
const asked = Number(process.env.MASKPROOF_CASES ?? 2000);
const batch = 500;

describe.each(engines)('the reference on $name', (entry) => {
  it('agrees with the oracle within the radius on many cases', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = atMost(asked, engine);
    let largest = 0;
    for (let done = 0; done < cases; done += batch) {
      const some = fc.sample(attentionCase(everyCase), { numRuns: Math.min(batch, cases - done), seed: 1_000 + done });
      const answers = await attendPacked(engine, some);
      some.forEach((c, n) => {
        const { misses, ratio } = judgeAnswer(c, answers[n], referenceConventions, engine);
        if (misses.length > 0) expect.fail(`${misses[0]} in ${JSON.stringify(c)}`);
        if (c.query.dtype === 'float32') largest = Math.max(largest, ratio);
      });
    }
    console.log(
      `${entry.name}: ${cases} cases, the largest error in float32 is ${largest.toFixed(2)} of what is allowed`,
    );
  }, 3_600_000);
});
