/** Which kinds of case must be checked how often. */
import type { KnownFailureEntry } from '../known-failures';
import type { Property } from '../property';
import type { BackendInfo, Outcome, StarvedCell } from './events';

export function judgeCoverage(
  _outcomes: readonly Outcome[],
  _backends: readonly BackendInfo[],
  _properties: readonly Property[],
  _knownFailures: readonly KnownFailureEntry[] = [],
): { judged: number; starved: StarvedCell[] } {
  return { judged: 0, starved: [] };
}
