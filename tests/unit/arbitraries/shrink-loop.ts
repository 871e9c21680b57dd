import type { AttentionCase } from '../../../reference/case';
import type { CaseConstraints } from '../../../src/arbitraries/constraints';
import { shrinkCase } from '../../../src/arbitraries/shrink/shrink-case';

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
  let executions = 0;
  for (let steps = 0; ; steps++) {
    let next: AttentionCase | undefined;
    for (const candidate of shrinkCase(smallest, constraints)) {
      executions++;
      if (fails(candidate)) {
        next = candidate;
        break;
      }
    }
    if (next === undefined) return { case: smallest, executions, steps };
    smallest = next;
  }
}
