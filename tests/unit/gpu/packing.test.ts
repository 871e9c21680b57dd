import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sizesOf, type AttentionCase } from '../../../reference/case';
import { engines } from '../../../reference/gpu/engines';
import { attendPacked, type ReferenceAnswer } from '../../../reference/gpu/packing';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import { everyCase } from './cases';
import { atMost, engineHere } from './here';

const sample = fc.sample(attentionCase(everyCase), { numRuns: 150, seed: 3 });
/** Of one bucket, so that many lie side by side. */
const small = fc.sample(
  attentionCase({ ...everyCase, dtypes: ['float32'], maxQLen: 4, maxKvLen: 4, maxHeadDim: 4, crossLength: 'never' }),
  { numRuns: 250, seed: 4 },
);

describe.each(engines)('packing on $name', (entry) => {
  it('changes no bit of an answer: alone, among others, and in another order', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = [...sample, ...small].filter((_, n) => n % 20 === 0 || engine.device.kind !== 'software');
    const together = await attendPacked(engine, cases);
    const backwards = [...(await attendPacked(engine, cases.toReversed()))].reverse();
    const alone = [];
    for (const c of cases) alone.push(...(await attendPacked(engine, [c])));
    expect(bytesOf(backwards)).toEqual(bytesOf(together));
    expect(bytesOf(alone)).toEqual(bytesOf(together));
  });

  it('answers in the order of the cases, with the shapes and the dtype of each', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = sample.slice(0, atMost(sample.length, engine));
    const answers = await attendPacked(engine, cases);
    answers.forEach((answer, n) => {
      const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(cases[n]);
      expect(answer).toMatchObject({
        output: { dtype: cases[n].query.dtype, shape: [batch, numHeads, qLen, vHeadDim] },
        weights: { shape: [batch, numHeads, qLen, kvLen] },
        scores: { shape: [batch, numHeads, qLen, kvLen] },
      });
    });
  });

  it('returns weights and scores to those cases only that ask for them', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = sample.slice(0, atMost(sample.length, engine));
    const [c] = cases;
    const [plain, asked] = await attendPacked(engine, [{ ...c, want: {} }, c]);
    expect(Object.keys(plain)).toEqual(['output']);
    expect(Object.keys(asked)).toEqual(['output', 'weights', 'scores']);
  });

  it('keeps no tensors', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = sample.slice(0, atMost(sample.length, engine));
    const before = engine.tf.memory().numTensors;
    await attendPacked(engine, cases);
    expect(engine.tf.memory().numTensors).toBe(before);
  });

  it('does not let a NaN of one case reach another', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = sample.slice(0, atMost(sample.length, engine));
    const poisoned: AttentionCase = {
      ...cases[0],
      value: { ...cases[0].value, data: cases[0].value.data.map(() => NaN) },
    };
    const [, ...clean] = await attendPacked(engine, [cases[0], ...cases]);
    const [, ...beside] = await attendPacked(engine, [poisoned, ...cases]);
    expect(bytesOf(beside)).toEqual(bytesOf(clean));
  });

  it('answers a mask that is shorter than the keys with an error of that case alone', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = sample.slice(0, atMost(sample.length, engine));
    const c = cases[0];
    const { batch, kvLen } = sizesOf(c);
    const mask = {
      rank: 2,
      form: 'boolean',
      tensor: { dtype: 'bool', shape: [batch, kvLen - 1], data: new Uint8Array(batch * (kvLen - 1)) },
    } as const;
    const [short, whole] = await attendPacked(engine, [
      { ...c, slidingWindow: undefined, segments: undefined, mask },
      c,
    ]);
    expect(short).toMatchObject({
      error: { type: 'MaskShapeError', message: expect.stringContaining('it is shorter than the keys.') as string },
    });
    expect(whole).toHaveProperty('output');
  });

  it('refuses float64', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = sample.slice(0, atMost(sample.length, engine));
    const wide = (tensor: AttentionCase['query']) => ({ ...tensor, dtype: 'float64' }) as const;
    const c = { ...cases[0], query: wide(cases[0].query), key: wide(cases[0].key), value: wide(cases[0].value) };
    expect(await attendPacked(engine, [c])).toMatchObject([{ error: { type: 'UnsupportedDType' } }]);
  });
});

/** The bits of every answer, a line each. */
function bytesOf(answers: readonly ReferenceAnswer[]): readonly string[] {
  return answers.map((answer) =>
    'error' in answer
      ? answer.error.message
      : [answer.output, answer.weights, answer.scores]
          .map((tensor) => tensor && Buffer.from(tensor.data.buffer).toString('base64'))
          .join(' '),
  );
}
