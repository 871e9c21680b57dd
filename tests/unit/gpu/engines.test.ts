import { describe, expect, it } from 'vitest';
import { engineEntry, engines, MissingPackageError, requirePackage, versionOf } from '../../../reference/gpu/engines';
import { engineHere } from './here';

describe('engines', () => {
  it.for(engines)('$name describes itself, its device and its versions', async (entry, test) => {
    const engine = await engineHere(entry, test);
    expect(engine.describe()).toMatch(/^TensorFlow\.js \d+\.\d+\.\d+, [^\n]+$/);
    expect(engine.versions).toMatchObject(entry.versions());
    expect(Object.keys(engine.versions)).not.toHaveLength(0);
    expect(engine.device.name).toMatch(/\w/);
  });

  it('take turns: operations run on the one that was put to use', async () => {
    const [wasm, cpu] = [await engineEntry('wasm').load(), await engineEntry('cpu').load()];
    for (const engine of [wasm, cpu, wasm]) {
      engine.use();
      expect(engine.tf.getBackend()).toBe(engine.name);
    }
  });

  it('leave no listener on the exceptions and rejections of the process', async () => {
    const count = () => ['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event));
    const before = count();
    await engineEntry('wasm').load();
    expect(count()).toEqual(before);
  });

  it('say which package is missing and how to install it', () => {
    expect(() => requirePackage('@tensorflow/tfjs-backend-abacus', 'the engine abacus')).toThrow(
      new MissingPackageError('@tensorflow/tfjs-backend-abacus', 'the engine abacus'),
    );
    expect(() => versionOf('not-here', 'the backend nowhere')).toThrowErrorMatchingInlineSnapshot(`
      [MissingPackageError: The package not-here is not installed; the backend nowhere needs it.
        Install it: npm install --save-dev not-here]
    `);
  });

  it('name the others where one does not exist', () => {
    expect(() => engineEntry('abacus' as 'cpu')).toThrow(
      'There is no engine "abacus"; there are tensorflow, webgpu, wasm, cpu.',
    );
  });
});
