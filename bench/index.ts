/** npm run bench [-- --quick] [-- --strict]: every benchmark, one table each, ratios within one run. */
import { firstFailure } from './first-failure';
import { generation } from './generate';
import { memory } from './memory';
import { overhead } from './overhead';
import { renderTable } from './table';
import { throughput } from './throughput';

async function main(flags: readonly string[]): Promise<number> {
  const quick = flags.includes('--quick');
  let missed = 0;
  for (const benchmark of [throughput, generation, firstFailure, memory, overhead]) {
    const table = await benchmark(quick);
    missed += (table.gates ?? []).filter(({ ok }) => !ok).length;
    console.log(`${renderTable(table)}\n`);
  }
  return missed > 0 && flags.includes('--strict') ? 1 : 0;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
