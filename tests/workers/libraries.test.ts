import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { pythonBuiltin, pythonBuiltinNames } from '../../src/backends/python-builtin';
import { closeWorkers } from '../../src/backends/worker';
import { checkBackend } from '../../src/check-backend';
import { shippedKnownFailures } from '../../src/known-failures';
import { pythonWith, transformerLensRelease } from './support';

/** Libraries are large: `npm run setup:python` installs them, and where nobody did, these are left out. */
const libraries = [
  { library: 'PyTorch', prefix: 'torch-', modules: ['torch'] },
  { library: 'HuggingFace', prefix: 'hf-', modules: ['torch', 'transformers'] },
  { library: 'TransformerLens', prefix: 'transformer-lens', modules: ['torch', 'transformers', 'transformer_lens'] },
  {
    library: 'HookedTransformer',
    prefix: 'hooked-attention',
    modules: ['torch', 'transformers', 'transformer_lens'],
    release: '3.9.0',
  },
];
const knownFailures = shippedKnownFailures();
/** Cases a property: MASKPROOF_RUNS, or a few. */
const runs = Number(process.env.MASKPROOF_RUNS ?? 15);

afterEach(closeWorkers);

it('has a line for every built-in backend in Python', () => {
  const isListed = (name: string) => libraries.some(({ prefix }) => name.startsWith(prefix));
  expect(pythonBuiltinNames.filter((name) => !isListed(name))).toEqual(['numpy-attention']);
});

describe.each(libraries)('$library', ({ prefix, modules, release }) => {
  const python = pythonWith('numpy', ...modules);
  const folder = release && transformerLensRelease(release);
  const isThere = python !== undefined && (folder === undefined || existsSync(folder));

  it.skipIf(!isThere).for(pythonBuiltinNames.filter((name) => name.startsWith(prefix)))(
    '%s does what is known of it and nothing else',
    { timeout: 600_000 },
    async (name, { skip }) => {
      const backend = await pythonBuiltin(name, { python }).catch((error: Error) => {
        skip(error.message.includes('PyTorch finds no GPU here'), 'there is no GPU for PyTorch');
        throw error;
      });
      const options = { runs, seed: 20261123, reference: 'oracle', knownFailures };
      const { outcomes } = await checkBackend(backend, options);
      const news = outcomes.filter(
        ({ status, known, fixed }) =>
          fixed !== undefined || ((status === 'violated' || status === 'failed') && known === undefined),
      );
      expect(
        news.map(({ property, fixed, failure, counterexample }) => [
          property,
          fixed?.reason ?? failure?.message ?? counterexample?.violation.summary,
        ]),
      ).toEqual([]);
      expect(outcomes.filter(({ cases }) => cases > 0).length).toBeGreaterThan(25);
    },
  );
});
