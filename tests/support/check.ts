/** One property on one backend, as the suite runs it, for tests. */
import type { Backend } from '../../src/backend';
import type { Outcome } from '../../src/engine/events';
import { openReference } from '../../src/engine/reference';
import { runProperty } from '../../src/engine/run-property';
import { Subject } from '../../src/engine/subject';
import type { Property } from '../../src/property';

export interface CheckOptions {
  readonly seed?: number;
  readonly runs?: number;
  /** Milliseconds for shrinking; none by default. */
  readonly shrinkMs?: number;
}

export async function check(
  backend: Backend,
  property: Property,
  { seed = 1, runs = casesFromEnvironment, shrinkMs = 0 }: CheckOptions = {},
): Promise<Outcome> {
  const reference = await openReference('oracle');
  const subject = new Subject(backend, reference, 60_000);
  return runProperty(subject, property, { seed, runs, deadline: Infinity, shrinkMs });
}

/** How many cases a property is checked on: MASKPROOF_CASES, or 300. */
export const casesFromEnvironment = Number(process.env.MASKPROOF_CASES ?? 300);

/** An outcome in one line, so that a failing test says what was found. */
export function said({ status, reason, counterexample, failure }: Outcome): string {
  const more = counterexample?.violation.summary ?? failure?.message ?? reason;
  return more === undefined ? status : `${status}: ${more}`;
}
