import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttentionCase } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { attentionCase } from '../../../src/arbitraries';
import type { CaseConstraints } from '../../../src/arbitraries/constraints';
import { booleanAdded, differs } from './plain-attention';
import { minimum } from './shrink-loop';

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1];
const fails = (c: AttentionCase): boolean => differs(c, booleanAdded);

const domains: Readonly<Record<string, CaseConstraints>> = {
  'of a wide backend': {},
  'of a boolean 4D mask': { maskRanks: ['none', 4], maskForms: ['boolean'], dtypes: ['float32'] },
};

describe.each(Object.entries(domains))('a boolean mask added to the scores, on the domain %s', (_, domain) => {
  const found = Array.from({ length: 20 }, (_, seed) => {
    const first = fc.sample(attentionCase(domain), { seed, numRuns: 2000 }).find(fails);
    if (first === undefined) throw new Error(`seed ${seed} finds nothing`);
    return minimum(first, fails, domain);
  });

  it('shrinks to one query and two keys, the second dropped, in 20 of 20 seeds', () => {
    for (const { case: c } of found) {
      expect(sizesOf(c)).toEqual({ batch: 1, numHeads: 1, numKvHeads: 1, qLen: 1, kvLen: 2, headDim: 1, vHeadDim: 1 });
      expect(c.mask?.form).toBe('boolean');
      expect([...(c.mask?.tensor.data ?? [])]).toEqual([1, 0]);
      expect([...c.query.data, ...c.key.data]).toEqual([0, 0, 0]);
      expect([...c.value.data].sort()).toEqual([0, 1]);
      expect([c.isCausal, c.bridge, c.query.dtype]).toEqual([false, 'base', 'float32']);
    }
  });

  it('asks the predicate 20 times or less in the median', () => {
    const executions = found.map((x) => x.executions);
    console.log(
      `executions: median ${median(executions)}, most ${Math.max(...executions)}; steps: median ${median(found.map((x) => x.steps))}`,
    );
    expect(median(executions)).toBeLessThanOrEqual(20);
  });
});
