import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AttentionCase } from '../../reference/case';
import { boolTensor, floatTensor } from '../../reference/tensor';
import { setupFolder } from '../../src/backends/python-environment';

const fakes = join(__dirname, 'fakes');

/** A worker of its own process, with the standard library of Python alone, that does `what`. */
export const fake = (what: string): string => `exec:python3 ${join(fakes, 'misbehave.py')} ${what}`;

/** A file of Python that `maskproof_worker` runs. */
export const fakeFile = (file: string): string => `python:${join(fakes, file)}`;

/** The smallest case with `kvLen` keys. */
export function smallCase(kvLen = 1): AttentionCase {
  const ones = new Array<number>(kvLen).fill(1);
  return {
    bridge: 'base',
    query: floatTensor('float32', [1, 1, 1, 1], [0.5]),
    key: floatTensor('float32', [1, 1, kvLen, 1], ones),
    value: floatTensor('float32', [1, 1, kvLen, 1], ones),
    mask: { rank: 2, form: 'boolean', tensor: boolTensor([1, kvLen], ones) },
    isCausal: false,
    scale: 1,
    want: {},
  };
}

/** An interpreter that has these modules: what `npm run setup:python` made, or python3; undefined where neither has. */
export function pythonWith(...modules: readonly string[]): string | undefined {
  const ours = join(setupFolder(), 'bin', 'python');
  return [ours, 'python3']
    .filter((python) => python === 'python3' || existsSync(python))
    .find((python) => {
      const script =
        'import importlib.util, sys; sys.exit(any(importlib.util.find_spec(m) is None for m in sys.argv[1:]))';
      return spawnSync(python, ['-c', script, ...modules]).status === 0;
    });
}

/** Where `npm run setup:python` puts another release of TransformerLens: a folder for PYTHONPATH. */
export function transformerLensRelease(name: string): string {
  return join(dirname(setupFolder()), 'transformer-lens-releases', name);
}

/** The same promise for the same name: importing PyTorch takes seconds. */
export function memoize<T>(make: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (name) => {
    const one = made.get(name) ?? make(name);
    made.set(name, one);
    return one;
  };
}
