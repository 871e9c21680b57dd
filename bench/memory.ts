/** Whether the heap grows with the number of cases: a child process runs the suite and measures itself after a full collection. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Table } from './table';

export function memory(quick: boolean): Table {
  const counts = quick ? [10_000, 40_000] : [10_000, 100_000, 1_000_000];
  const used = counts.map((runs) => {
    const child = spawnSync(
      process.execPath,
      ['--expose-gc', '-r', 'ts-node/register/transpile-only', join(__dirname, 'memory-child.ts'), String(runs)],
      { encoding: 'utf8' },
    );
    if (child.status !== 0) throw new Error(`The measured run failed: ${child.stderr}`);
    return JSON.parse(child.stdout) as { heap: number; peak: number };
  });
  const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const grown = used[used.length - 1].heap / used[0].heap;
  return {
    title: 'memory after N cases of boolean = additive (a process each)',
    header: ['cases', 'heap in use', 'peak resident'],
    rows: counts.map((runs, n) => [runs.toLocaleString('en'), mb(used[n].heap), mb(used[n].peak)]),
    gates: [{ name: `the heap stays flat (${grown.toFixed(2)} times, at most 1.2)`, ok: grown <= 1.2 }],
  };
}
