/** Which cases a property is checked on, and how the n-th of a batch is made again. */
import * as fc from 'fast-check';
import type { AttentionCase } from '../../reference/case';
import type { Case } from '../../reference/model-case';
import type { ResolvedSupports } from '../backend';
import { kindOfProperty } from '../cases';
import type { AttentionProperty, Property } from '../property';

/** Values in a row that a guard may turn down before we say that it turns down everything. */
const guardPatience = 2_000;

export class GuardError extends Error {}

/** Why a property cannot be checked on a backend, as a sentence; undefined where it can. */
export function reasonToSkip(property: Property, supports: ResolvedSupports): string | undefined {
  const kind = kindOfProperty(property);
  return kind.unmet(property, supports) ?? kind.emptiness(property, supports);
}

/**
 * The property's cases for a backend that declares `supports`: drawn, shrunk and replayed by the same arbitrary.
 * Generating throws GuardError where the guard accepts none of 2,000 cases in a row.
 */
export function casesOf(
  property: AttentionProperty,
  supports: ResolvedSupports,
  leaveOut?: (c: Case) => boolean,
): fc.Arbitrary<AttentionCase>;
export function casesOf(
  property: Property,
  supports: ResolvedSupports,
  leaveOut?: (c: Case) => boolean,
): fc.Arbitrary<Case>;
export function casesOf(
  property: Property,
  supports: ResolvedSupports,
  leaveOut: (c: Case) => boolean = () => false,
): fc.Arbitrary<Case> {
  const drawn = kindOfProperty(property).arbitrary(property, supports);
  let refused = 0;
  return drawn.filter((c) => {
    if ((property.guard?.(c, supports) ?? true) && !leaveOut(c)) {
      refused = 0;
      return true;
    }
    if (++refused > guardPatience) {
      refused = 0;
      throw new GuardError(
        `The guard of ${property.id} accepts none of ${guardPatience} cases that this backend declares.`,
      );
    }
    return false;
  });
}

/** The cases of one batch: the same for the same seed, and the first ones the same for any size. */
export function drawBatch<C extends Case>(cases: fc.Arbitrary<C>, seed: number, size: number): C[] {
  return fc.sample(cases, { seed, numRuns: size });
}

/**
 * Runs one case of a batch again, alone, by seed and path ('5', or '5:0:2' for the 2nd candidate of the 0th of case 5), through fc.check.
 * Returns the value at the end of the path and whether `holds` gave false for it.
 */
export async function runAlone(
  cases: fc.Arbitrary<Case>,
  seed: number,
  path: string,
  holds: (c: Case) => Promise<boolean>,
): Promise<{ readonly value: Case; readonly failed: boolean } | undefined> {
  let value: Case | undefined;
  const property = fc.asyncProperty(cases, async (c) => {
    value = c;
    return holds(c);
  });
  const details = await fc.check(property, { seed, path, numRuns: 1, endOnFailure: true });
  return value === undefined ? undefined : { value, failed: details.failed };
}
