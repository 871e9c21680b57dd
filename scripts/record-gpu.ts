/** Writes what the engines of this machine are and do into the table of docs/gpu.md: npm run record:gpu. A row that is there for the same device is replaced. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { engines } from '../reference/gpu/engines';
import { probeEngine, type Probed } from '../src/engine/probe';

const file = join(__dirname, '..', 'docs', 'gpu.md');
const begin = '<!-- recorded: npm run record:gpu -->';
const end = '<!-- end -->';

async function main(): Promise<void> {
  const text = readFileSync(file, 'utf8');
  const [before, rest = ''] = text.split(begin);
  const [table, after = ''] = rest.split(end);
  const [heading, rule, ...rows] = table.trim().split('\n');
  for (const { name } of engines) {
    const probed = await probeEngine(name, 'check');
    if ('error' in probed) {
      process.stdout.write(`${name}: ${probed.error.message.split('\n')[0]}\n`);
      continue;
    }
    const row = rowOf(name, probed);
    const key = keyOf(row);
    const at = rows.findIndex((one) => keyOf(one) === key);
    rows.splice(at < 0 ? rows.length : at, at < 0 ? 0 : 1, row);
    process.stdout.write(`${row}\n`);
  }
  writeFileSync(file, `${before}${begin}\n${[heading, rule, ...rows].join('\n')}\n${end}${after}`);
}

/** Engine and device: the speed of a row is another every time. */
const keyOf = (row: string): string => row.split('|').slice(1, 4).join('|');

function rowOf(name: string, { device, versions, check, speed = 0 }: Probed): string {
  if (check === undefined) throw new Error(`The engine ${name} was not checked.`);
  const { precision, measured, cases, largest, seconds } = check;
  const { roundoffs, at } = measured.exp;
  const kind = device.kind === 'software' ? ' (in software)' : '';
  const cells = [
    name,
    `${device.name}${kind}`,
    device.driver ?? '-',
    precision,
    `${roundoffs.toFixed(1)} u at ${at.toFixed(0)}`,
    `${cases} cases, ${largest.toFixed(2)}, ${seconds.toFixed(1)} s`,
    Math.round(speed).toLocaleString('en'),
    Object.entries(versions)
      .map(([library, version]) => `${library.replace('@tensorflow/', '')} ${version}`)
      .join(', '),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`;
}

void main();
