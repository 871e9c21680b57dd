/** `maskproof compare` as JSON. */
import { jsonText } from '../corpus/save';
import type { BackendInfo } from '../engine/events';
import type { PairParity, Parity } from '../parity/run';
import { caseToWire, numberToWire } from '../protocol/codec';
import { packageVersion } from '../version';

const paritySchema = 'maskproof/parity@1';

/** Readable, one tensor a line. */
export function parityText({ seed, cases, interrupted, pairs, silences }: Parity, backends: readonly BackendInfo[]) {
  return jsonText({
    schema: paritySchema,
    maskproof: packageVersion(),
    seed,
    cases,
    interrupted,
    backends: backends.map(({ name, spec, versions }) => ({ name, spec, versions })),
    pairs: pairs.map(pairToJson),
    failures: silences.map(({ case: c, ...silence }) => ({ ...silence, ...(c && { case: caseToWire(c) }) })),
  });
}

function pairToJson({ first, second, rows, largest, p99, regimes, differing, difference }: PairParity) {
  return {
    first,
    second,
    rows,
    largest: numberToWire(largest),
    p99: numberToWire(p99),
    regimes: regimes.map((regime) => ({
      ...regime,
      largest: numberToWire(regime.largest),
      unclaimed: numberToWire(regime.unclaimed),
    })),
    differing,
    ...(difference && {
      difference: {
        summary: difference.violation.summary,
        rows: difference.violation.rows,
        case: caseToWire(difference.case),
        found: difference.found,
        shrinks: difference.shrinks,
      },
    }),
  };
}
