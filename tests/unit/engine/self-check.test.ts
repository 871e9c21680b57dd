import { describe, expect, it } from 'vitest';
import type * as tfjs from '@tensorflow/tfjs-core';
import { engineEntry, engines, type Engine } from '../../../reference/gpu/engines';
import { measure, precisionOn } from '../../../reference/gpu/measure';
import { selfCheck } from '../../../src/engine/self-check';
import { engineHere } from '../gpu/here';

/** An engine on cpu whose matrix products see their operands in TF32: rounded to 11 bits. */
async function withTf32(): Promise<Engine> {
  const engine = await engineEntry('cpu').load();
  const cut = (x: tfjs.Tensor): tfjs.Tensor => {
    const words = new Uint32Array(Float32Array.from(x.dataSync()).buffer);
    words.forEach((word, n) => (words[n] = (word + 0x1000) & 0xffffe000));
    return engine.tf.tensor(new Float32Array(words.buffer), x.shape);
  };
  const matMul = ((a: tfjs.Tensor, b: tfjs.Tensor, ...rest: boolean[]) =>
    engine.tf.matMul(cut(a), cut(b), ...rest)) as typeof tfjs.matMul;
  return { ...engine, tf: { ...engine.tf, matMul } };
}

describe('the self-check', () => {
  it.for(engines)('passes on $name, and says how it computes', async (entry, test) => {
    const { precision, cases, largest } = await selfCheck(await engineHere(entry, test));
    expect(precision).toMatch(/^float32(, subnormals flushed)?$/);
    expect(cases).toBeGreaterThan(20);
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(1);
  });

  it('finds an exponential that is worse than declared', async () => {
    const engine = await engineEntry('wasm').load();
    const precision = { ...engine.precision, exp: { relative: 2 ** -26, tiny: 2 ** -126 }, divide: 0 };
    await expect(selfCheck({ ...engine, precision })).rejects.toThrow(
      /^The engine wasm failed its self-check: exp\(-[\d.]+\) is [\d.]+ roundoffs off, where [\d.]+ are declared\.\n.*\n.*--reference oracle\.$/,
    );
  });

  it('finds products of TF32 that nobody declared', async () => {
    await expect(selfCheck(await withTf32())).rejects.toMatchObject({
      code: 'self_check_failed',
      message: expect.stringContaining('an operand of a matrix product lost 4.9e-4 of itself') as string,
    });
  });

  it('passes where TF32 is measured and declared: its answers are within the wider radius', async () => {
    const engine = await withTf32();
    const measured = await measure(engine.tf, engine.use);
    expect(measured).toMatchObject({ flush: false, nearest: false });
    const { precision, largest } = await selfCheck({
      ...engine,
      measured,
      precision: precisionOn(engine.precision, measured),
    });
    expect(precision).toBe('float32, products of TF32');
    expect(largest).toBeLessThan(1);
  });

  it('finds an answer that is not the oracle’s', async () => {
    const engine = await engineEntry('cpu').load();
    const matMul = ((a: tfjs.Tensor, b: tfjs.Tensor, ...rest: boolean[]) =>
      engine.tf.mul(engine.tf.matMul(a, b, ...rest), 1.001)) as typeof tfjs.matMul;
    const measured = await measure(engine.tf, engine.use);
    await expect(selfCheck({ ...engine, measured, tf: { ...engine.tf, matMul } })).rejects.toThrow(
      /failed its self-check: its answer to case \d+ of \d+ is not the oracle's: (output|weights)\[\d+\] is /,
    );
  });
});
