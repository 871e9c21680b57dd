/** What a run spends beside drawing cases, asking the backend and judging its answers: the CPU's samples of one run, by the part of the program that they fell in. */
import { Session, type Profiler } from 'node:inspector';
import { properties } from '../properties/index';
import { loadBackend } from '../src/backends/load';
import { openReference } from '../src/engine/reference';
import { runSuite } from '../src/engine/run-suite';
import { htmlText } from '../src/report/html';
import { reportText } from '../src/report/json';
import { junitText } from '../src/report/junit';
import { sarifText } from '../src/report/sarif';
import type { Table } from './table';

const parts = ['drawing', 'backend', 'laws', 'engine', 'watchdog', 'reports', 'collecting garbage', 'else'] as const;
type Part = (typeof parts)[number];

/** The first that fits the file of a frame; what fits none belongs to whoever called it. */
const places: readonly (readonly [RegExp, Part])[] = [
  [/\/src\/arbitraries\/(?!changes|shrink)|\/fast-check\//, 'drawing'],
  [/\/examples\/|\/src\/backends\//, 'backend'],
  [/\/properties\/|\/reference\/|\/src\/(compare|arbitraries)\/|\/src\/engine\/reference/, 'laws'],
  [/\/src\/report\/|\/src\/corpus\//, 'reports'],
  [/\/src\/engine\/|\/src\/protocol\//, 'engine'],
];

/** On the plainest backend there is, in this process: whatever it does takes longer elsewhere, and the rest does not. */
export async function overhead(quick: boolean): Promise<Table> {
  const reference = await openReference('oracle');
  const backends = [await loadBackend('examples/plain.ts', { check: false })];
  const run = async (seed: number, runs: number) => {
    const report = await runSuite({ backends, properties, seed, runs, reference });
    return [reportText(report), junitText(report), sarifText(report, { root: process.cwd() }), htmlText(report)];
  };
  // Once before, for what is compiled on the way.
  await run(1, 20);
  const samples = await profiled(() => run(2, quick ? 100 : 400));
  const sum = parts.reduce((total, part) => total + samples[part], 0);
  const share = (part: Part) => samples[part] / sum;
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  // Garbage is everybody's, in proportion.
  const own =
    (share('engine') + share('watchdog') + share('reports')) / (1 - share('collecting garbage') - share('else'));
  return {
    title: 'where the time of a run goes: every law on examples/plain.ts, four reports (CPU samples of one run)',
    header: ['', 'share'],
    rows: parts.map((part) => [part, percent(share(part))]),
    gates: [{ name: `engine and reports below 15 % (${percent(own)})`, ok: own < 0.15 }],
  };
}

/** CPU samples while `work` runs, by part. */
async function profiled(work: () => Promise<unknown>): Promise<Record<Part, number>> {
  const session = new Session();
  session.connect();
  const post = <T>(method: string, params?: object) =>
    new Promise<T>((resolve, reject) =>
      session.post(method, params, (error, result) => (error ? reject(error) : resolve(result as T))),
    );
  await post('Profiler.enable');
  await post('Profiler.setSamplingInterval', { interval: 500 });
  await post('Profiler.start');
  await work();
  const { profile } = await post<{ profile: Profiler.Profile }>('Profiler.stop');
  session.disconnect();
  return samplesOf(profile);
}

function samplesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Record<Part, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parentOf = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const partOf = (id: number | undefined): Part | undefined => {
    const node = id === undefined ? undefined : byId.get(id);
    if (node === undefined) return 'else';
    const { url, functionName } = node.callFrame;
    if (functionName === '(garbage collector)') return 'collecting garbage';
    // A thread for every call, which ends a loop that does not: node:vm's.
    if (functionName === 'runInContext') return 'watchdog';
    // The profiler measures itself as well.
    if (functionName === '(idle)' || functionName === 'dispatch') return undefined;
    return places.find(([place]) => place.test(url))?.[1] ?? partOf(parentOf.get(node.id));
  };
  const spent = Object.fromEntries(parts.map((part) => [part, 0])) as Record<Part, number>;
  samples.forEach((id, n) => {
    const part = partOf(id);
    if (part !== undefined) spent[part] += timeDeltas[n] ?? 0;
  });
  return spent;
}
