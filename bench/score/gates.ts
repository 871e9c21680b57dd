/** Whether the suite looks where there is something to see: figures that a green run could hide behind. */
import agreesWithReference from '../../properties/numerics/agrees-with-reference';
import { properties } from '../../properties';
import { expectationOf, RowState } from '../../reference/expectation';
import { isModelCase } from '../../reference/model-case';
import { drawnKinds } from '../../src/arbitraries/draw-case';
import { casesOf, drawBatch, reasonToSkip } from '../../src/engine/draw';
import { openReference } from '../../src/engine/reference';
import { runSuite } from '../../src/engine/run-suite';
import { precisionOf, resolveSupports } from '../../src/supports';
import { madeNow, type Gates } from './measured';
import { equivalents } from './zoo';

/** A backend that declares everything. */
const [{ backend }] = equivalents;
const runs = 100;
const drawn = 2_000;

export async function scoreGates(): Promise<Gates> {
  const supports = resolveSupports(backend.supports);
  const checkable = properties.filter((property) => reasonToSkip(property, supports) === undefined);
  const reference = await openReference('oracle');
  const report = await runSuite({ backends: [backend], properties: checkable, seed: 1, runs, reference });
  const kinds = report.coverage.filter(({ facet }) => facet === 'kind' || facet === 'contents');
  const rarest = [...kinds].sort((a, b) => a.checked - b.checked)[0];
  const blind = blindRows();
  const skipped = properties.filter(({ id }) => !checkable.some((one) => one.id === id));
  const beyond = /^(gradients|models)\//;
  const elements = meanElements();
  return {
    made: madeNow(),
    gates: [
      {
        name: 'rows whose radius is wider than their values, outside the large scores: under 5 %',
        figure: percent(blind.usual),
        ok: blind.usual < 0.05,
      },
      { name: 'the same among large scores (no gate)', figure: percent(blind.large), ok: true },
      { name: 'rows out of range: under 2 %', figure: percent(blind.outOfRange), ok: blind.outOfRange < 0.02 },
      {
        name: 'mean numbers in the tensors of a case: at least 100',
        figure: elements.toFixed(0),
        ok: elements >= 100,
      },
      {
        name: 'facets and pairs of facets that are drawn too rarely: none',
        figure: `${report.starved.length} of ${report.judged}`,
        ok: report.starved.length === 0,
      },
      {
        name: 'the rarest kind of mask or of contents: at least 1 % of the cases checked',
        figure: `${rarest.value}, ${percent(rarest.checked / totalCases(report.outcomes))}`,
        ok: rarest.checked / totalCases(report.outcomes) >= 0.01,
      },
      {
        name: 'laws of a single attention call that a backend which declares everything is not asked: none',
        figure: String(skipped.filter(({ id }) => !beyond.test(id)).length),
        ok: skipped.every(({ id }) => beyond.test(id)),
      },
      {
        name: 'laws that do not hold on it: none',
        figure: String(report.outcomes.filter(({ status }) => status !== 'held').length),
        ok: report.outcomes.every(({ status }) => status === 'held'),
      },
    ],
  };
}

const totalCases = (outcomes: readonly { readonly cases: number }[]): number =>
  outcomes.reduce((sum, { cases }) => sum + cases, 0);

/** Shares of the rows that keep a key. */
function blindRows(): { usual: number; large: number; outOfRange: number } {
  const supports = resolveSupports(backend.supports);
  const count = { usual: [0, 0], large: [0, 0], outOfRange: [0, 0] };
  for (const c of drawBatch(casesOf(agreesWithReference, supports), 1, drawn)) {
    const { rows, blind } = expectationOf(c, supports, precisionOf(supports, c.query.dtype));
    const kind = drawnKinds(c)?.contents === 'large' ? count.large : count.usual;
    for (const [row, state] of rows.entries()) {
      if (state !== RowState.ok && state !== RowState.outOfRange) continue;
      count.outOfRange[1]++;
      if (state === RowState.outOfRange) count.outOfRange[0]++;
      else {
        kind[1]++;
        kind[0] += blind[row];
      }
    }
  }
  const share = ([some, all]: readonly number[]) => some / all;
  return { usual: share(count.usual), large: share(count.large), outOfRange: share(count.outOfRange) };
}

/** Of query, key, value and mask, over the cases of all properties. */
function meanElements(): number {
  const supports = resolveSupports(backend.supports);
  let numbers = 0;
  let cases = 0;
  for (const property of properties) {
    if (reasonToSkip(property, supports) !== undefined) continue;
    for (const c of drawBatch(casesOf(property, supports), 1, runs)) {
      if (isModelCase(c)) continue;
      cases++;
      numbers += c.query.data.length + c.key.data.length + c.value.data.length + (c.mask?.tensor.data.length ?? 0);
    }
  }
  return numbers / cases;
}

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
