import { afterEach, describe, expect, it } from 'vitest';
import type { AttentionCase, FloatTensor, FloatType } from '../../reference/case';
import { floatTensor } from '../../reference/tensor';
import { checkBackend } from '../../src/check-backend';
import { closeWorkers, workerBackend } from '../../src/backends/worker';
import { BackendError } from '../../src/errors';
import { pythonBuiltin } from '../../src/backends/python-builtin';
import { fakeFile, pythonWith, smallCase } from './support';

const python = pythonWith('numpy');
const open = async (variant: string) => (await workerBackend(fakeFile(`tricky.py:${variant}`), { python })).open();

afterEach(closeWorkers);

/** Numpy is not installed where nobody ran `npm run setup:python`. */
describe.skipIf(python === undefined)('a worker in Python', () => {
  it('prints, and so does everything that it starts, without touching the frames', async () => {
    const session = await open('prints');
    expect(await session.attend([smallCase()])).toMatchObject([{ output: smallCase().query }]);
  });

  it('tells which inputs the library wrote into', async () => {
    const session = await open('prints');
    const [first, second] = await session.attend([smallCase(), { ...smallCase(), mask: undefined }]);
    expect(first).toMatchObject({ changed: ['mask'] });
    expect(second).toMatchObject({ changed: [] });
  });

  it.each<[FloatType, readonly number[]]>([
    ['float64', [5e-324, -0, NaN, -Infinity, Number.MAX_VALUE, 1 / 3]],
    ['float32', [2 ** -149, -0, NaN, Infinity, (2 - 2 ** -23) * 2 ** 127, 1 / 3]],
    ['float16', [2 ** -24, -0, NaN, -Infinity, 65504, 1 / 3]],
    ['bfloat16', [2 ** -133, -0, NaN, Infinity, (2 - 2 ** -7) * 2 ** 127, 1 / 3]],
  ])('hands %s through bit for bit', async (dtype, numbers) => {
    const session = await open('echo');
    const tensor = floatTensor(dtype, [1, 1, 2, 3], numbers);
    const want = { weights: true, scores: true };
    const c: AttentionCase = { ...smallCase(), mask: undefined, query: tensor, key: tensor, value: tensor, want };
    const [answer] = await session.attend([c]);
    for (const name of ['output', 'weights', 'scores'] as const)
      expect((answer as unknown as Record<string, FloatTensor>)[name]).toEqual(tensor);
  });

  it('opens a session of its own each time, side by side', async () => {
    const backend = await workerBackend(fakeFile('tricky.py:count'), { python });
    const sessions = [await backend.open(), await backend.open()];
    const numbers = await Promise.all(
      sessions.map(async (session) => (await session.attend([smallCase()]))[0] as { output: FloatTensor }),
    );
    expect(numbers.map(({ output }) => output.data[0])).toEqual([1, 2]);
  });

  it('answers many requests that are under way at once, in their order', async () => {
    const session = await open('echo');
    const asked = Array.from({ length: 50 }, (_, n) => ({
      ...smallCase(1 + (n % 3)),
      value: floatTensor('float32', [1, 1, 1, 1], [n]),
    }));
    const answers = await Promise.all(asked.map(async (c) => session.attend([c, c])));
    expect(answers.map(([, second]) => (second as { output: FloatTensor }).output.data[0])).toEqual(
      asked.map((_, n) => n),
    );
  });

  it('takes and gives more than a pipe holds', async () => {
    const session = await open('echo');
    const big = floatTensor(
      'float64',
      [1, 1, 512, 512],
      new Float64Array(512 * 512).map((_, n) => n),
    );
    const c: AttentionCase = { ...smallCase(), mask: undefined, query: big, key: big, value: big };
    const [one, other] = await Promise.all([session.attend([c, c]), session.attend([c])]);
    expect((one[1] as { output: FloatTensor }).output.data.at(-1)).toBe(512 * 512 - 1);
    expect(other).toHaveLength(1);
  });

  it('answers the others where one case raises', async () => {
    const session = await open('raise_on_two');
    const [one, two] = await session.attend([smallCase(1), smallCase(2)]);
    expect(one).toHaveProperty('output');
    expect(two).toMatchObject({ error: { type: 'ValueError', message: 'two keys' } });
  });

  it('tells what attend raises, with the end of its traceback', async () => {
    const session = await open('raise_always');
    const error = await Promise.resolve(session.attend([smallCase()])).catch((reason: unknown) => reason as Error);
    expect((error as Error).message).toMatch(
      /^The worker raise_always raised RuntimeError while answering request 2 \(1 case\): nothing works/,
    );
    expect((error as Error).message).toMatch(/tricky\.py", line \d+, in raise_always/);
  });

  it('tells an answer that is no array of floats', async () => {
    const session = await open('answer_int');
    await expect(session.attend([smallCase()])).rejects.toThrow(
      /raised TypeError while answering request 2 \(1 case\): 0\.output is an array of int32/,
    );
  });

  it('names the backends of a file where it is asked for another', async () => {
    const error = await workerBackend(fakeFile('tricky.py:other'), { python }).catch(
      (reason: unknown) => reason as BackendError,
    );
    expect(error).toBeInstanceOf(BackendError);
    expect((error as BackendError).message).toContain(
      "tricky.py has no backend 'other'; it has prints, echo, count, raise_on_two, raise_always, answer_int.",
    );
  });

  it('holds every property with attention written in numpy', async () => {
    const backend = await pythonBuiltin('numpy-attention', { python });
    expect(backend.versions).toHaveProperty('numpy');
    const report = await checkBackend(backend, { runs: 30, seed: 20261123, reference: 'oracle' });
    const bad = report.outcomes.filter(({ status }) => status === 'violated' || status === 'failed');
    expect(
      bad.map(({ property, failure, counterexample }) => [
        property,
        failure?.message ?? counterexample?.violation.summary,
      ]),
    ).toEqual([]);
  });
});

describe('an interpreter that lacks something', () => {
  const without = python !== undefined && pythonWith('torch') === undefined ? python : undefined;

  it.skipIf(pythonWith('numpy') === 'python3')('has no numpy', async () => {
    const error = await pythonBuiltin('numpy-attention', { python: 'python3' }).catch(
      (reason: unknown) => reason as BackendError,
    );
    expect(error).toMatchObject({ code: 'no_numpy', stage: 'load' });
    expect((error as Error).message).toMatch(
      / has no numpy, which a worker in Python needs\.\n[^]*-m pip install numpy\)/,
    );
  });

  it.skipIf(without === undefined)('does not have the library', async () => {
    const error = await pythonBuiltin('torch-sdpa', { python: without }).catch(
      (reason: unknown) => reason as BackendError,
    );
    expect(error).toMatchObject({ code: 'not_installed', stage: 'load' });
    expect((error as Error).message).toContain(`needs torch, which ${without} does not have.`);
  });
});
