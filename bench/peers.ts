/** boolean = additive on attention in Python, beside Hypothesis on the same law, and beside a loop that only calls the worker's own function. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { withForm } from '../src/arbitraries/changes';
import { narrow } from '../src/arbitraries/narrow';
import { loadBackend } from '../src/backends/load';
import { pythonBuiltins } from '../src/backends/python-builtin';
import { findPython } from '../src/backends/python-environment';
import { closeWorkers } from '../src/backends/worker';
import { casesOf, drawBatch } from '../src/engine/draw';
import { openReference } from '../src/engine/reference';
import { runSuite } from '../src/engine/run-suite';
import { writeRequest } from '../src/protocol/messages';
import { packageRoot } from '../src/version';
import type { AttentionCase, Backend } from '../src/backend';
import type { Property } from '../src/property';
import { resolveSupports } from '../src/supports';
import { processorTime } from './processor-time';
import { atLeast, median, type Table } from './table';
import { small } from './throughput';

const libraries = [
  { library: 'torch', backend: 'torch-sdpa', dtype: 'float32' },
  { library: 'numpy', backend: 'numpy-attention', dtype: 'float64' },
] as const;
type Library = (typeof libraries)[number];

/** Calls of attention in a case: boolean, finfo.min and -inf here, boolean and -inf there. */
const ourCalls = 3;
const theirCalls = 2;

/** Cases a second of the processor's time, both processes. */
interface Hypothesis {
  readonly arrays: number;
  readonly every_element: number;
  readonly shapes_and_seed: number;
  readonly no_hypothesis: number;
}

export async function peers(quick: boolean): Promise<Table> {
  const tables = [];
  for (const library of libraries) tables.push(await beside(library, quick));
  return {
    title:
      'boolean = additive on attention in Python, B, H 1..4, Q, K 1..6, D 1..8 (cases a second of processor time, all processes together; median of the rounds)',
    header: ['', 'cases/s', 'calls/s', 'of the bare loop'],
    rows: tables.flatMap(({ rows }) => rows),
    gates: tables.flatMap(({ gates = [] }) => gates),
  };
}

type Part = Pick<Table, 'rows' | 'gates'>;
const skipped = (library: string, why: string): Part => ({ rows: [[`${library}: skipped, ${why}`]] });

async function beside(chosen: Library, quick: boolean): Promise<Part> {
  const { library, backend: name, dtype } = chosen;
  if (processorTime() === undefined)
    return skipped(library, 'for this platform does not tell what other processes spend');
  const { command } = findPython(undefined, { env: process.env, cwd: packageRoot() });
  if (spawnSync(command[0], [...command.slice(1), '-c', `import hypothesis, ${library}`]).status !== 0)
    return skipped(
      library,
      `${command.join(' ')} lacks hypothesis or ${library} (npm run setup:python -- hypothesis torch)`,
    );
  const python = (script: string, ...args: readonly (string | number)[]): unknown => {
    const file = join(__dirname, 'peers', script);
    const run = spawnSync(command[0], [...command.slice(1), file, ...args.map(String)], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`${script} failed: ${run.stderr}`);
    return JSON.parse(run.stdout);
  };
  const property: Property = { ...small, cases: (...domain) => narrow(small.cases(...domain), { dtypes: [dtype] }) };
  const [rounds, runs, examples] = quick ? [1, 4_000, 300] : [3, 20_000, 1_000];
  const backend = await loadBackend(name, { check: false });
  const ours: { rate: number; wall: number }[] = [];
  const theirs: Hypothesis[] = [];
  try {
    await measure(backend, property, 0, 500);
    // In turns, so that a busy machine slows all alike.
    for (let round = 0; round < rounds; round++) {
      ours.push(await measure(backend, property, round, runs));
      theirs.push(python('hypothesis_speed.py', library, examples, round) as Hypothesis);
    }
  } finally {
    closeWorkers();
  }
  const { attend, kernel } = bareLoop(chosen, property, backend, python);
  const bare = 1e6 / (ourCalls * attend);
  const rate = median(ours.map((one) => one.rate));
  const byClock = median(ours.map((one) => one.wall));
  const of = (pick: (one: Hypothesis) => number) => median(theirs.map(pick));
  const row = (what: string, x: number, calls = theirCalls) => [
    `${library}: ${what}`,
    Math.round(x).toLocaleString('en'),
    Math.round(x * calls).toLocaleString('en'),
    (x / bare).toFixed(3),
  ];
  return {
    rows: [
      row(`maskproof, ${name}`, rate, ourCalls),
      row(`maskproof, ${name}, by the clock`, byClock, ourCalls),
      row(
        'Hypothesis, arrays',
        of((one) => one.arrays),
      ),
      row(
        'Hypothesis, arrays, every element drawn',
        of((one) => one.every_element),
      ),
      row(
        'Hypothesis, shapes and a seed',
        of((one) => one.shapes_and_seed),
      ),
      row(
        'two calls a case, random arrays, no Hypothesis',
        of((one) => one.no_hypothesis),
      ),
      row('bare loop: attend of the worker alone', bare, ourCalls),
      ...(kernel === undefined ? [] : [row('scaled_dot_product_attention alone', 1e6 / (ourCalls * kernel), ourCalls)]),
    ],
    gates: [
      atLeast(15, `${library}: times Hypothesis with arrays`, rate / of((one) => one.arrays)),
      atLeast(4, `${library}: times Hypothesis with shapes and a seed`, rate / of((one) => one.shapes_and_seed)),
      ...(library === 'torch'
        ? [
            atLeast(0.6, 'torch: of the bare loop', rate / bare),
            // Two processes share the work, and the worker's part is what one waits for.
            atLeast(0.6, 'torch: of the bare loop, by the clock', byClock / bare),
          ]
        : []),
    ],
  };
}

async function measure(
  backend: Backend,
  property: Property,
  seed: number,
  runs: number,
): Promise<{ rate: number; wall: number }> {
  const reference = await openReference('oracle');
  const [started, spent] = [performance.now(), processorTime()!];
  const { outcomes } = await runSuite({ backends: [backend], properties: [property], seed, runs, reference });
  if (outcomes[0].status !== 'held') throw new Error(`${property.id} did not hold on ${backend.name}.`);
  return { rate: runs / (processorTime()! - spent), wall: (runs / (performance.now() - started)) * 1000 };
}

/** The same kind of cases, three calls each, through the worker's own function alone. */
function bareLoop(
  { backend: name }: Library,
  property: Property,
  backend: Backend,
  python: (script: string, ...args: readonly (string | number)[]) => unknown,
): { attend: number; kernel?: number } {
  const folder = mkdtempSync(join(tmpdir(), 'maskproof-bench-'));
  try {
    const twins = (c: AttentionCase) => [c, withForm(c, 'additive', 'finfo'), withForm(c, 'additive', 'inf')];
    const arbitrary = casesOf(property, resolveSupports(backend.supports));
    const frames = [0, 1].map((seed) =>
      writeRequest({
        type: 'attend',
        id: 1,
        session: 1,
        cases: (drawBatch(arbitrary, seed, 256) as AttentionCase[]).flatMap(twins),
      }),
    );
    const file = join(folder, 'frames');
    writeFileSync(file, Buffer.concat(frames));
    const { file: script, variant = '' } = pythonBuiltins[name];
    return python('bare_loop.py', join(packageRoot(), 'python', 'maskproof_worker', script), variant, file, 10) as {
      attend: number;
      kernel?: number;
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
