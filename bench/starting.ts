/** How long commands take to begin, and the whole default suite. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { packageRoot } from '../src/version';
import { median, type Table } from './table';

const command = join(packageRoot(), 'bin', 'maskproof.js');

export function starting(quick: boolean): Table {
  const rounds = quick ? 1 : 3;
  const row = (what: string, ...args: readonly string[]) => {
    const seconds = Array.from({ length: rounds }, () => {
      const started = performance.now();
      const { status, stderr } = spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`maskproof ${args.join(' ')} ended with ${status}: ${stderr}`);
      return (performance.now() - started) / 1000;
    });
    return [what, median(seconds).toFixed(2)];
  };
  const all = quick
    ? []
    : [
        row(
          'fuzz --runs 1000 --backend oracle, every law',
          'fuzz',
          '--backend',
          'oracle',
          '--runs',
          '1000',
          '--seed',
          '1',
        ),
        row('the same with --jobs 2', 'fuzz', '--backend', 'oracle', '--runs', '1000', '--seed', '1', '--jobs', '2'),
      ];
  return {
    title: `starting, from ${command.includes('node_modules') ? 'the package' : 'source'} (seconds by the clock, median of ${rounds})`,
    header: ['', 's'],
    rows: [
      row('maskproof --version', '--version'),
      row('maskproof list', 'list'),
      row('fuzz --runs 1 --backend oracle', 'fuzz', '--backend', 'oracle', '--runs', '1', '--seed', '1'),
      ...all,
    ],
  };
}
