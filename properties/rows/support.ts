import { narrow } from '../../src/arbitraries/narrow';
import { probeCases, probeViolation, readProbe } from '../../src/compare/probe';
import { defineProperty } from '../../src/property';

/** A leak of one key among five hundred is smaller than any tolerance in use; with identity values it is a number where a zero is due. */
export default defineProperty({
  id: 'rows/support',
  statement: 'With values that are the identity matrix, a dropped key shows exactly 0 and a kept one does not.',
  compares: 'exact',
  needs: {},
  cases: (domain) => narrow(domain, {}),
  async check(context, c) {
    return probeViolation(context, c, readProbe(c, await context.attend(probeCases(c, context.supports))));
  },
});
