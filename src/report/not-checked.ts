/** What a run did not check, and why: as much a part of its result as what it found. */
import type { Report } from '../engine/events';
import { undeclared } from '../supports';

/** A built-in backend that does not load here. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

export interface NotChecked {
  /** not_loaded: a built-in backend that nobody asked for by name; skipped: a property; undeclared: an ability of the backend; the others: rows of a property's cases. */
  readonly kind: 'not_loaded' | 'skipped' | 'undeclared' | 'blind_rows' | 'out_of_range_rows' | 'not_bitwise_rows';
  readonly backend: string;
  readonly property?: string;
  /** Why it was skipped, or what is not declared. */
  readonly reason: string;
  /** How many rows were left out, of how many. */
  readonly rows?: number;
  readonly of?: number;
}

const rowReasons = {
  blind: ['blind_rows', 'the radius is wider than their values'],
  out_of_range: ['out_of_range_rows', 'a number on the way may overflow'],
  not_bitwise: ['not_bitwise_rows', 'the backend does not promise the same bits for them'],
} as const;

export function notCheckedIn(
  { backends, outcomes }: Pick<Report, 'backends' | 'outcomes'>,
  leftOut: readonly LeftOut[] = [],
): NotChecked[] {
  const notLoaded = leftOut.map(({ name, reason }): NotChecked => ({ kind: 'not_loaded', backend: name, reason }));
  const skips = outcomes.flatMap(({ status, property, backend, reason }): NotChecked[] =>
    status === 'skipped' ? [{ kind: 'skipped', backend, property, reason: reason ?? 'skipped' }] : [],
  );
  const ran = new Set(
    outcomes.flatMap(({ status, backend }) => (status === 'held' || status === 'violated' ? [backend] : [])),
  );
  const neverOpened = new Set(
    outcomes.flatMap(({ failure, backend }) =>
      !ran.has(backend) && (failure?.stage === 'load' || failure?.stage === 'open') ? [backend] : [],
    ),
  );
  const abilities = backends
    .filter(({ name }) => !neverOpened.has(name))
    .flatMap(({ name, supports }) =>
      undeclared(supports).map((what): NotChecked => ({ kind: 'undeclared', backend: name, reason: what })),
    );
  const rows = outcomes.flatMap(({ property, backend, rows: tally }) => {
    const of = tally.compared + tally.blind + tally.out_of_range + tally.empty + tally.not_bitwise;
    return (Object.keys(rowReasons) as (keyof typeof rowReasons)[]).flatMap((what): NotChecked[] => {
      const [kind, reason] = rowReasons[what];
      return tally[what] === 0 ? [] : [{ kind, backend, property, reason, rows: tally[what], of }];
    });
  });
  return [...notLoaded, ...skips, ...abilities, ...rows];
}
