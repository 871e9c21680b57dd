import { afterEach, describe, expect, it } from 'vitest';
import { closeWorkers, launchOf } from '../../src/backends/worker';
import { doctor } from '../../src/cli/doctor';
import { checkWorker } from '../../src/protocol/conformance';
import { fake, pythonWith } from './support';

afterEach(closeWorkers);

/** The checks that a fake fails, and what they say. */
async function complaints(what: string, timeoutMs?: number): Promise<string[]> {
  const checks = await checkWorker(launchOf(fake(what)), timeoutMs);
  return checks.filter(({ ok }) => !ok).map(({ check, detail }) => `${check}: ${detail.split('\n')[0]}`);
}

describe('a worker under examination', () => {
  it('is told what it does not keep', async () => {
    expect(await complaints('behaves')).toEqual([
      'answers a case that is none with an error, and lives on: A key with another head_dim than the query was answered, not refused.',
      'answers what it does not know with an error, and lives on: It replied "closed" to a request of type "dance", where "error" is due.',
    ]);
  });

  it('is left alone when it does not come up', async () => {
    expect(await complaints('exits_at_once')).toEqual([
      expect.stringMatching(/^says hello first, and declares what can be read: The worker .* exited with code 4/),
    ]);
  });

  it('is started again where a check lost it', async () => {
    const found = await complaints('exits');
    expect(found[0]).toBe('answers one case: The worker fake exited with code 3 while answering request 2 (1 case).');
    expect(found).toHaveLength(8);
  });

  it('is not waited for', async () => {
    const found = await complaints('hangs', 500);
    expect(found[0]).toBe('answers one case: It did not come back within 0.5 s.');
  });

  it.each([
    ['refuses', /which it declares, with ValueError: no$/],
    ['answers_short', /gave 0 answers to request/],
    ['names_a_missing_tensor', /names the tensor "0\.output", which is not in the frame/],
  ])('%s', async (what, text) => {
    expect((await complaints(what))[0]).toMatch(text);
  });

  const python = pythonWith('numpy');
  it.skipIf(python === undefined)('keeps the protocol with attention written in numpy, says doctor', async () => {
    let text = '';
    const io = { out: (more: string) => void (text += more), err: () => undefined, env: {} };
    expect(await doctor({ worker: 'numpy-attention', python, ascii: true }, io)).toBe(0);
    expect(text).toContain('It keeps the protocol: 10 of 10 checks.');
    expect(await doctor({ worker: fake('behaves').slice('exec:'.length) }, io)).toBe(3);
    expect(text).toContain('It does not keep the protocol: 2 of 10 checks failed.');
  });
});
