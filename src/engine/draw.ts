/** Which cases a property is checked on, and how the n-th of a batch is made again. */
import * as fc from 'fast-check';
import type { AttentionCase } from '../../reference/case';
import { attentionCase } from '../arbitraries/attention-case';
import { emptiness } from '../arbitraries/emptiness';
import type { ResolvedSupports } from '../backend';
import type { Property } from '../property';
import { domainOf, unmet } from '../supports';

/** Values in a row that a guard may turn down before we say that it turns down everything. */
const guardPatience = 2_000;

export class GuardError extends Error {}

/** Why a property cannot be checked on a backend, as a sentence; undefined where it can. */
export function reasonToSkip(property: Property, supports: ResolvedSupports): string | undefined {
  return unmet(property.needs, supports) ?? emptiness(property.cases(domainOf(supports), supports));
}

/**
 * The property's cases for a backend that declares `supports`: drawn, shrunk and replayed by the same arbitrary.
 * Generating throws GuardError where the guard accepts none of 2,000 cases in a row.
 */
export function casesOf(
  property: Property,
  supports: ResolvedSupports,
  leaveOut: (c: AttentionCase) => boolean = () => false,
): fc.Arbitrary<AttentionCase> {
  const drawn = attentionCase(property.cases(domainOf(supports), supports));
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
export function drawBatch(cases: fc.Arbitrary<AttentionCase>, seed: number, size: number): AttentionCase[] {
  return fc.sample(cases, { seed, numRuns: size });
}

/**
 * Runs one case of a batch again, alone, by seed and path ('5', or '5:0:2' for the 2nd candidate of the 0th of case 5), through fc.check.
 * Returns the value at the end of the path and whether `holds` gave false for it.
 */
export async function runAlone(
  cases: fc.Arbitrary<AttentionCase>,
  seed: number,
  path: string,
  holds: (c: AttentionCase) => Promise<boolean>,
): Promise<{ readonly value: AttentionCase; readonly failed: boolean } | undefined> {
  let value: AttentionCase | undefined;
  const property = fc.asyncProperty(cases, async (c) => {
    value = c;
    return holds(c);
  });
  const details = await fc.check(property, { seed, path, numRuns: 1, endOnFailure: true });
  return value === undefined ? undefined : { value, failed: details.failed };
}
