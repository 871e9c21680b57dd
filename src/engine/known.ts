/** A property of which a failure is known: its counterexample is tried again, and the search goes on where the entry does not speak. */
import type { Case } from '../../reference/model-case';
import { kindOf } from '../cases';
import { isPattern } from '../glob';
import { isForetold, type KnownFailureEntry } from '../known-failures';
import type { Property } from '../property';
import type { KnownFailure, Outcome } from './events';
import { replayCase } from './replay';
import type { Subject } from './subject';

/** What the known counterexamples of a property do now. */
export interface Replayed {
  /** The first entry whose counterexample holds: news, and the end of it. */
  readonly fixed?: Outcome;
  /** The entries that still fail, as outcomes with `known`. */
  readonly failing: readonly Outcome[];
}

/** Checks the counterexamples of the entries, all of which speak of this property on this backend. */
export async function replayKnown(
  subject: Subject,
  property: Property,
  entries: readonly KnownFailureEntry[],
): Promise<Replayed> {
  const failing: Outcome[] = [];
  for (const entry of entries) {
    if (entry.case === undefined) continue;
    const again = await replayCase(subject, property, entry.case, entry.after);
    const known = knownFailure(entry, property.id, subject.backend.name);
    // An entry for many properties or backends is news where it fails none of them.
    const isForMany = isPattern(entry.property) || isPattern(entry.backend);
    if (again.status !== 'violated' && again.status !== 'failed' && isForMany) continue;
    if (again.status === 'held') return { fixed: { ...again, fixed: known }, failing };
    failing.push({ ...again, known });
  }
  return { failing };
}

/** An entry that does not say which cases it speaks of speaks of all: there is nothing left to search. */
export function leavesNothing(entries: readonly KnownFailureEntry[]): boolean {
  return entries.some((entry) => entry.case !== undefined && entry.when === undefined);
}

/** Whether a case is among those that the entries speak of, and need not be drawn. */
export function leftOut(entries: readonly KnownFailureEntry[]): (c: Case) => boolean {
  const speaking = entries.filter((entry) => entry.case !== undefined);
  return (c) => speaking.some((entry) => isForetold(entry, facetsOf(c)));
}

/** A finding of the search with `known`, where an entry without a counterexample foretells it. */
export function markKnown(outcome: Outcome, entries: readonly KnownFailureEntry[]): Outcome {
  const smallest = outcome.counterexample?.case ?? outcome.failure?.case;
  const told = smallest && entries.find((entry) => entry.case === undefined && isForetold(entry, facetsOf(smallest)));
  return told === undefined ? outcome : { ...outcome, known: knownFailure(told, outcome.property, outcome.backend) };
}

/** What the search found beside the failures that are known: a finding counts, else the first known one is the outcome. */
export function besideKnown(found: Outcome, { fixed, failing }: Replayed): Outcome {
  if (fixed !== undefined) return fixed;
  const calls = failing.reduce((total, outcome) => total + outcome.calls, found.calls);
  if (failing.length === 0 || found.status === 'violated' || found.status === 'failed') return { ...found, calls };
  return { ...failing[0], cases: found.cases, calls, seconds: found.seconds, rows: found.rows, batches: found.batches };
}

function facetsOf(c: Case): Record<string, string> {
  return Object.fromEntries(
    kindOf(c)
      .describe(c)
      .map(({ facet, value }) => [facet, value]),
  );
}

function knownFailure({ reason, link }: KnownFailureEntry, property: string, backend: string): KnownFailure {
  return { property, backend, reason, link };
}
