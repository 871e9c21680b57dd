import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { RowState } from '../../reference/expectation';
import { narrow } from '../../src/arbitraries/narrow';
import { rowsOf } from '../../src/compare/compare';
import { judgeProbe, probeCases, readProbe } from '../../src/compare/probe';
import type { ProbeFindings } from '../../src/compare/probe';
import type { CellIndex } from '../../src/property';
import { defineProperty } from '../../src/property';

function onBase(c: AttentionCase): AttentionCase {
  return { ...c, bridge: 'base', rotary: undefined };
}

/** The cells that one probe finds at fault and the other does not. */
function onlyIn(one: ProbeFindings, other: ProbeFindings): CellIndex[] {
  const name = ({ b, h, i, j }: CellIndex) => `${b} ${h} ${i} ${j}`;
  const known = new Set([...other.leaked, ...other.ignored].map(name));
  return [...one.leaked, ...one.ignored].filter((cell) => !known.has(name(cell)));
}

/** A rotary bridge often brings its own masking code, and a fix made in one of the two is forgotten in the other. */
export default defineProperty({
  id: 'bridges/same-cells',
  statement: 'The rotary bridge and the base bridge drop exactly the same cells.',
  compares: 'exact',
  needs: { bridges: ['base', 'rotary'] },
  cases: (domain) => narrow(domain, { bridges: ['rotary'] }),
  async check(context, c) {
    const base = onBase(c);
    const probes = [probeCases(c, context.supports), probeCases(base, context.supports)];
    const answers = await context.attend(probes.flat());
    const weights = [
      readProbe(c, answers.slice(0, probes[0].length)),
      readProbe(base, answers.slice(probes[0].length)),
    ];
    const [onRotary, onPlain] = [judgeProbe(context, c, weights[0]), judgeProbe(context, base, weights[1])];
    context.tally('compared', Math.min(onRotary.compared, onPlain.compared));
    const apart = [...onlyIn(onRotary, onPlain), ...onlyIn(onPlain, onRotary)];
    if (apart.length === 0) return undefined;

    // A row may be out of range on one bridge alone: nothing was looked for there.
    const states = probes.map(([probe]) => context.expect(probe).rows);
    const all = rowsOf(c);
    const { numHeads, qLen, kvLen } = sizesOf(c);
    const rowOf = ({ b, h, i }: CellIndex) => (b * numHeads + h) * qLen + i;
    const cells = apart.filter((cell) => states.every((rows) => rows[rowOf(cell)] === RowState.ok));
    if (cells.length === 0) return undefined;
    const first = rowOf(cells[0]);
    const slice = (data: Float64Array) => Array.from(data.subarray(first * kvLen, (first + 1) * kvLen));
    return {
      summary: `${cells.length} of the cells ${cells.length === 1 ? 'is' : 'are'} dropped on one bridge and used on the other.`,
      rows: [...new Set(cells.map(rowOf))].map((row) => all[row]),
      cells,
      numbers: { of: 'weights', at: all[first], actual: slice(weights[0]), expected: slice(weights[1]) },
    };
  },
});
