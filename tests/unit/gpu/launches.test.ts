import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttentionCase, sizesOf } from '../../../reference/case';
import { engineEntry, engines, type Engine } from '../../../reference/gpu/engines';
import { expectPacked } from '../../../reference/gpu/expect';
import { bucketOf } from '../../../reference/gpu/launches';
import { paddedSize, paddedSizes } from '../../../reference/gpu/layout';
import { attendPacked, referenceConventions } from '../../../reference/gpu/packing';
import { defaultPrecision } from '../../../reference/precision';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import { everyCase } from './cases';
import { engineHere } from './here';

const judged = { conventions: referenceConventions, precisionOf: defaultPrecision };
const sample = fc.sample(attentionCase({ ...everyCase, overlongKeys: 'never' }), { numRuns: 60, seed: 5 });

describe('a bucket', () => {
  it('pads small cases to a cube, and other lengths to less than twice their size and less than 64 more', () => {
    for (const length of Array.from({ length: 600 }, (_, n) => n + 1)) {
      const padded = paddedSize(length);
      expect(padded).toBeGreaterThanOrEqual(length);
      expect(padded - length).toBeLessThan(64);
      if (length > 8) expect(padded).toBeLessThan(2 * length);
    }
    for (const c of sample) {
      const { qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
      const sizes = paddedSizes(c);
      const longest = Math.max(qLen, kvLen, headDim, vHeadDim);
      if (longest <= 8) expect(new Set(Object.values(sizes))).toEqual(new Set([longest <= 4 ? 4 : 8]));
      else expect(sizes.qLen).toBe(paddedSize(qLen));
    }
  });

  it('is chosen by the sizes alone, so that a batch of everything takes few launches', () => {
    const plain = ({ query, key, value, softcap }: AttentionCase) =>
      bucketOf({ query, key, value, softcap } as AttentionCase);
    expect(sample.map(plain)).toEqual(sample.map(bucketOf));
    const cases = fc.sample(attentionCase(everyCase), { numRuns: 256, seed: 6 });
    expect(new Set(cases.map(bucketOf)).size).toBeLessThan(cases.length / 8);
  });
});

describe('a launch that has no room', () => {
  /** Whatever answers: the largest tensor and the number of launches are counted. */
  const counted = (engine: Engine, limits: Partial<Engine>) => {
    let launches = 0;
    const use = () => {
      launches++;
      engine.use();
    };
    return { engine: { ...engine, ...limits, use }, launches: () => launches };
  };

  it.for(engines)('is halved on $name until it fits, and no answer changes', async (entry, test) => {
    const engine = await engineHere(entry, test);
    const cases = sample.slice(0, engine.device.kind === 'software' ? 20 : sample.length);
    const roomy = counted(engine, {});
    const whole = await attendPacked(roomy.engine, cases);
    const tight = counted(engine, { largestTensor: 2 ** 14 });
    const parts = await attendPacked(tight.engine, cases);
    expect(tight.launches()).toBeGreaterThan(roomy.launches());
    parts.forEach((answer, n) => {
      if ('error' in answer) expect(answer.error.type).toBe('OutOfMemoryError');
      else expect(answer).toEqual(whole[n]);
    });
    expect(parts.filter((answer) => 'output' in answer).length).toBeGreaterThan(cases.length / 2);
  });

  it('is halved where the process itself has no room for an array', async () => {
    const cpu = await engineEntry('cpu').load();
    const most = 40;
    const tf = new Proxy(cpu.tf, {
      get(target, name, receiver) {
        const own = Reflect.get(target, name, receiver) as unknown;
        if (name !== 'exp') return own;
        return (scores: { shape: number[] }) => {
          // As many bytes as no process gets, where there are too many problems.
          if (scores.shape[0] > most) return new Float32Array(2 ** 45);
          return (own as (x: unknown) => unknown)(scores);
        };
      },
    });
    const before = cpu.tf.memory().numTensors;
    const whole = await expectPacked(cpu, sample, judged);
    const { engine, launches } = counted({ ...cpu, tf }, {});
    expect(await expectPacked(engine, sample, judged)).toEqual(whole);
    expect(launches()).toBeGreaterThan(new Set(sample.map(bucketOf)).size);
    expect(cpu.tf.memory().numTensors).toBe(before);
  });

  it('leaves a case that has no room even alone to the oracle, and says so where an answer is asked for', async () => {
    const cpu = await engineEntry('cpu').load();
    const tiny = { ...cpu, largestTensor: 1 };
    expect(await expectPacked(tiny, sample.slice(0, 2), judged)).toEqual([undefined, undefined]);
    expect(await attendPacked(tiny, sample.slice(0, 1))).toMatchObject([
      {
        error: {
          type: 'OutOfMemoryError',
          message: expect.stringMatching(
            /^The engine cpu has no room for a launch: a tensor of \d+ bytes, where one may have 1\.$/,
          ) as string,
        },
      },
    ]);
  });

  it('does not take another error for a want of room', async () => {
    const cpu = await engineEntry('cpu').load();
    const tf = new Proxy(cpu.tf, {
      get: (target, name, receiver): unknown =>
        name === 'exp'
          ? () => {
              throw new TypeError('no such thing');
            }
          : Reflect.get(target, name, receiver),
    });
    await expect(attendPacked({ ...cpu, tf }, sample)).rejects.toThrow('no such thing');
  });
});
