/** A property of which a failure is known: its counterexample is tried again, and the search goes on where the entry does not speak. */
import type { AttentionCase } from '../../reference/case';
import { describeCase } from '../arbitraries/describe';
import { isForetold, speaksOf, type KnownFailureEntry } from '../known-failures';
import type { Property } from '../property';
import { reasonToSkip } from './draw';
import type { KnownFailure, Outcome } from './events';
import { replayCase } from './replay';
import type { PropertyOptions, runProperty } from './run-property';
import type { Subject } from './subject';

/** Runs the property; where it fails as an entry foretells, the outcome has `known`, and where an entry's counterexample holds now, `fixed`. */
export async function runKnown(
  subject: Subject,
  property: Property,
  entries: readonly KnownFailureEntry[],
  options: PropertyOptions,
  run: typeof runProperty,
): Promise<Outcome> {
  const mine = reasonToSkip(property, subject.supports) === undefined ? entries.filter((entry) => speaksOf(entry, property.id, subject.backend)) : [];
  const replayed: Outcome[] = [];
  for (const entry of mine) {
    if (entry.case === undefined) continue;
    const again = await replayCase(subject, property, entry.case, entry.after);
    if (again.status === 'held') return { ...again, fixed: knownFailure(entry, property, subject) };
    replayed.push({ ...again, known: knownFailure(entry, property, subject) });
  }
  // An entry that does not say which cases it speaks of speaks of all: there is nothing left to search.
  const all = mine.find((entry) => entry.case !== undefined && entry.when === undefined);
  if (all !== undefined) return replayed[0];
  const leaveOut = (c: AttentionCase) => mine.some((entry) => entry.case !== undefined && isForetold(entry, facetsOf(c)));
  const found = await run(subject, property, mine.length > 0 ? { ...options, leaveOut } : options);
  const smallest = found.counterexample?.case ?? found.failure?.case;
  const told = smallest && mine.find((entry) => entry.case === undefined && isForetold(entry, facetsOf(smallest)));
  if (told !== undefined) return { ...found, known: knownFailure(told, property, subject) };
  if (replayed.length === 0 || found.status === 'violated' || found.status === 'failed') return found;
  return { ...replayed[0], cases: found.cases, calls: found.calls + replayed[0].calls, seconds: found.seconds, rows: found.rows };
}

function facetsOf(c: AttentionCase): Record<string, string> {
  return Object.fromEntries(describeCase(c).map(({ facet, value }) => [facet, value]));
}

function knownFailure({ reason, link }: KnownFailureEntry, property: Property, subject: Subject): KnownFailure {
  return { property: property.id, backend: subject.backend.name, reason, link };
}
