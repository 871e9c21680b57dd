/** What judging by a reference costs, by engine and size: the expectation out of a launch, beside the float64 oracle's; and how wide it is. */
import { expectationOf } from '../reference/expectation';
import { expectPacked } from '../reference/gpu/expect';
import { referenceConventions } from '../reference/gpu/packing';
import { defaultPrecision } from '../reference/precision';
import { enginesHere, milliseconds, type Size, sizedCase, sizeText } from './sized-case';
import { median, type Table } from './table';

const sizes: readonly (readonly [Size, number])[] = [
  [[1, 2, 4, 4, 4], 256],
  [[2, 4, 16, 16, 16], 64],
  [[4, 8, 32, 32, 32], 16],
  [[4, 8, 64, 64, 64], 4],
  [[8, 8, 128, 128, 64], 1],
  [[4, 8, 256, 256, 64], 1],
  [[2, 8, 512, 512, 64], 1],
];

const judged = { conventions: referenceConventions, precisionOf: defaultPrecision };

export async function reference(quick: boolean): Promise<Table> {
  const engines = await enginesHere();
  const wins = new Map<string, string>();
  const rows: string[][] = [];
  for (const [size, count] of quick ? sizes.slice(0, 2) : sizes) {
    const cases = Array.from({ length: count }, (_, n) => sizedCase(size, n));
    const expected = cases.map((c) => expectationOf(c, referenceConventions, defaultPrecision('float32')));
    const oracle = await milliseconds(async () => {
      for (const c of cases) expectationOf(c, referenceConventions, defaultPrecision('float32'));
    });
    rows.push(['oracle', sizeText(size), (oracle / count).toFixed(3), '1.0', '']);
    for (const engine of engines) {
      const slow = engine.device.kind === 'software' ? 3 : engine.name === 'cpu' ? 5 : sizes.length;
      if (sizes.findIndex(([other]) => other === size) >= slow) continue;
      const given = await expectPacked(engine, cases, judged);
      const taken = await milliseconds(() => expectPacked(engine, cases, judged));
      const own = cases.map((c) => expectationOf(c, referenceConventions, engine.precision).output.radius);
      const ratios = given
        .flatMap((expectation, n) =>
          expectation === undefined
            ? []
            : Array.from(expectation.output.radius, (r, at) => r / (expected[n].output.radius[at] + own[n][at])),
        )
        .filter(Number.isFinite)
        .sort((a, b) => a - b);
      rows.push([
        engine.name,
        sizeText(size),
        (taken / count).toFixed(3),
        (oracle / taken).toFixed(1),
        `${median(ratios).toFixed(2)} ${ratios[Math.floor(ratios.length * 0.99)].toFixed(2)}`,
      ]);
      if (taken < oracle && !wins.has(engine.name)) wins.set(engine.name, sizeText(size));
    }
  }
  const told = engines.map(
    ({ name }) => `${name} ${wins.has(name) ? `from ${wins.get(name) ?? ''} on` : 'nowhere here'}`,
  );
  return {
    title: `expectation of a case (milliseconds, best of 3 rounds; B x H x Q x K x D; radius: of the sum of the oracle's for backend and engine); faster than the oracle: ${told.join(', ')}`,
    header: ['reference', 'size', 'ms a case', 'times the oracle', 'radius (median, p99)'],
    rows,
  };
}
