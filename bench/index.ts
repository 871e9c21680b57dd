/** npm run bench [-- --quick] [-- --strict] [-- --json FILE] [-- NAME...]: every benchmark, one table each, ratios within one run. */
import { cpus } from 'node:os';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { firstFailure } from './first-failure';
import { generation } from './generate';
import { growth } from './growth';
import { memory } from './memory';
import { overhead } from './overhead';
import { packing } from './packing';
import { peers } from './peers';
import { reference } from './reference';
import { starting } from './starting';
import { renderTable, type Table } from './table';
import { throughput } from './throughput';

const benchmarks = {
  throughput,
  peers,
  generation,
  firstFailure,
  growth,
  memory,
  overhead,
  packing,
  reference,
  starting,
};

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { quick: { type: 'boolean' }, strict: { type: 'boolean' }, json: { type: 'string' } },
  });
  const machine = `${cpus()[0]?.model ?? process.arch}, ${cpus().length} cores, node ${process.version}`;
  console.log(`${machine}\n`);
  const tables: Record<string, Table> = {};
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    tables[name] = await benchmark(values.quick ?? false);
    console.log(`${renderTable(tables[name])}\n`);
  }
  if (values.json !== undefined)
    writeFileSync(
      values.json,
      `${JSON.stringify({ date: new Date().toISOString(), machine, tables }, undefined, 2)}\n`,
    );
  const missed = Object.values(tables).flatMap(({ gates = [] }) => gates.filter(({ ok }) => !ok));
  return missed.length > 0 && values.strict ? 1 : 0;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
