import { describe, expect, it } from 'vitest';
import { engineEntry } from '../../../reference/gpu/engines';
import { isEngineError } from '../../../reference/gpu/on-engine';

/** What is thrown. */
function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('an error of an engine', () => {
  it('is one that began in TensorFlow.js, and none of those that called it or that it called', async () => {
    const { tf } = await engineEntry('cpu').load();
    const refused = thrownBy(() => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3])));
    const ours = thrownBy(() =>
      tf.tidy(() => {
        throw new TypeError('ours');
      }),
    );
    expect(isEngineError(refused)).toBe(true);
    expect(ours).toBeInstanceOf(TypeError);
    expect(isEngineError(ours)).toBe(false);
    expect(isEngineError('not an error')).toBe(false);
  });
});
