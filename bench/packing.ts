/** Many cases a launch against one case a launch, on every engine that runs here: from where on packing pays no more. */
import { attendPacked } from '../reference/gpu/packing';
import { enginesHere, milliseconds, type Size, sizedCase, sizeText } from './sized-case';
import type { Table } from './table';

/** Sizes, and how many cases of each are packed. */
const sizes: readonly (readonly [Size, number])[] = [
  [[1, 2, 4, 4, 4], 512],
  [[2, 4, 8, 8, 8], 256],
  [[2, 4, 16, 16, 16], 64],
  [[4, 8, 32, 32, 32], 16],
  [[4, 8, 64, 64, 64], 8],
  [[8, 8, 128, 128, 64], 4],
];

/** What is promised of the first size, by engine. */
const promised: Readonly<Record<string, number>> = { webgpu: 50, tensorflow: 10, wasm: 10 };

export async function packing(quick: boolean): Promise<Table> {
  const rows: string[][] = [];
  const gates: { name: string; ok: boolean }[] = [];
  for (const engine of await enginesHere()) {
    // A driver in software takes minutes for what the others do in a second.
    const isSlow = engine.device.kind === 'software' || engine.name === 'cpu';
    for (const [size, count] of sizes.slice(0, quick ? 2 : isSlow ? 4 : sizes.length)) {
      const cases = Array.from({ length: count }, (_, n) => sizedCase(size, n));
      // One at a time, as many as it takes to know: compiling is done before.
      const few = cases.slice(0, isSlow || quick ? 16 : 64);
      await attendPacked(engine, cases);
      await attendPacked(engine, few.slice(0, 1));
      const together = (await milliseconds(() => attendPacked(engine, cases))) / count;
      const alone =
        (await milliseconds(async () => {
          for (const c of few) await attendPacked(engine, [c]);
        })) / few.length;
      const ratio = alone / together;
      rows.push([
        engine.name,
        sizeText(size),
        String(count),
        perSecond(alone),
        perSecond(together),
        `${ratio.toFixed(1)}`,
      ]);
      const due = size === sizes[0][0] ? promised[engine.name] : undefined;
      if (due !== undefined)
        gates.push({
          name: `${engine.name}: ${count} cases of ${sizeText(size)} at least ${due} times as fast packed (${ratio.toFixed(0)} times)`,
          ok: ratio >= due,
        });
    }
  }
  return {
    title: 'packed against one case a launch (cases a second, best of 3 rounds; B x H x Q x K x D)',
    header: ['engine', 'size', 'cases', 'one a launch', 'packed', 'times'],
    rows,
    gates,
  };
}

const perSecond = (ms: number): string => Math.round(1000 / ms).toLocaleString('en');
