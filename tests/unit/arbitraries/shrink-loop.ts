import type { AttentionCase } from '../../../reference/case';
import type { CaseConstraints } from '../../../src/arbitraries/constraints';
import { smallerCases, type Tried } from '../../../src/arbitraries/shrink/shrink-case';

export interface Minimum {
  readonly case: AttentionCase;
  /** How often the predicate was asked, the last round, in which nothing fails, included. */
  readonly executions: number;
  readonly steps: number;
}

/** What a runner does: takes the first candidate that still fails until none does. */
export function minimum(
  c: AttentionCase,
  fails: (c: AttentionCase) => boolean,
  constraints: CaseConstraints = {},
): Minimum {
  let smallest = c;
  let tried: Tried | undefined;
  let executions = 0;
  for (let steps = 0; ; steps++) {
    let next: readonly [AttentionCase, Tried] | undefined;
    for (const candidate of smallerCases(smallest, constraints, tried)) {
      executions++;
      if (fails(candidate[0])) {
        next = candidate;
        break;
      }
    }
    if (next === undefined) return { case: smallest, executions, steps };
    [smallest, tried] = next;
  }
}
