/** The two stories of docs/parity.md, on the real libraries. */
import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { defineModelProperty } from '../../src/property';
import { modelBuiltin } from '../../src/backends/model-builtin';
import { closeWorkers } from '../../src/backends/worker';
import { kindOfProperty } from '../../src/cases';
import { openReference } from '../../src/engine/reference';
import { Subject } from '../../src/engine/subject';
import { commonSupports } from '../../src/parity/common';
import { compareBackends, type Parity } from '../../src/parity/run';
import { answersOf } from '../../scripts/parity/answers';
import { withRelease } from '../../scripts/parity';
import { pythonWith } from './support';

afterAll(closeWorkers);
const python = pythonWith('torch', 'transformers', 'transformer_lens', 'nnsight');
const hasRelease = (version: string): boolean => existsSync(withRelease(version).PYTHONPATH ?? '');

const everything = defineModelProperty({
  id: 'models/everything',
  statement: 'The backends answer the same.',
  compares: 'radius',
  needs: {},
  cases: (domain) => ({ ...domain, vocab: 2 }),
  check: () => Promise.resolve(undefined),
});

/** Ids 0 and 1 alone: a pad token among the tokens is another story. */
async function compared(...specs: readonly string[]): Promise<Parity> {
  const reference = await openReference('oracle');
  const subjects: Subject[] = [];
  for (const spec of specs) subjects.push(new Subject(await modelBuiltin(spec), reference, 120_000));
  const supports = commonSupports(subjects.map(({ info }) => info));
  if (typeof supports === 'string') throw new Error(supports);
  const cases = kindOfProperty(everything).arbitrary(everything, supports);
  return compareBackends(subjects, cases, { runs: 80, seed: 1, shrinkMs: 10_000 });
}

describe.skipIf(python === undefined)('parity on GPT-2', () => {
  it('holds at the answer position of a padded batch', { timeout: 600_000 }, async () => {
    const [hf, ...others] = [
      await answersOf('hf-model-eager:gpt2'),
      await answersOf('transformer-bridge:gpt2'),
      await answersOf('nnsight:gpt2'),
    ];
    for (const { differences, allowed } of others)
      for (const [b, difference] of differences.entries())
        expect(Math.abs(difference - hf.differences[b])).toBeLessThanOrEqual(allowed + hf.allowed);
    if (!hasRelease('3.0.0b2')) return;
    const old = await answersOf('transformer-bridge:gpt2', '3.0.0b2', withRelease('3.0.0b2'));
    const off = old.differences.map((x, b) => Math.abs(x - hf.differences[b]));
    // The one prompt without padding, and the others.
    expect(off[1]).toBeLessThanOrEqual(old.allowed + hf.allowed);
    for (const b of [0, 2, 3]) expect(off[b]).toBeGreaterThan(0.5);
  });

  it('holds for real tokens in each of the three regimes, and not for padding', { timeout: 600_000 }, async () => {
    const specs = ['hf-model-eager:gpt2', 'transformer-bridge:gpt2', 'nnsight:gpt2', 'hooked-transformer:gpt2'];
    const { pairs, silences } = await compared(...specs.slice(0, hasRelease('3.9.0') ? 4 : 3));
    expect(silences).toEqual([]);
    for (const { differing, regimes, largest } of pairs) {
      expect(differing).toBe(0);
      expect(largest).toBeLessThanOrEqual(1);
      expect(regimes.map(({ name }) => name).slice(0, 3)).toEqual(['no mask', 'all ones', 'real padding']);
    }
    const bridge = pairs.find(({ second }) => second === 'transformer-bridge:gpt2');
    expect(bridge?.regimes.find(({ name }) => name === 'real padding')?.unclaimed).toBeGreaterThan(100);
  });
});
