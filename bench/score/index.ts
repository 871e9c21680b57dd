/**
 * npm run score [-- --only mutants,gates,sensitivity,shrinking,guided,false-alarms] [--mutants NAME,...] [--cases N] [--minutes N] [--seed N] [--processes N] [--add]: measures the suite itself, and writes
 * docs/score.json and docs/score.md. npm run score -- --quick: measures less, writes nothing, and fails where something has become worse.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { packageRoot } from '../../src/version';
import { alarmsInShort, scoreFalseAlarms } from './false-alarms';
import { scoreGates } from './gates';
import { scoreGuided } from './guided';
import type { Score } from './measured';
import { mutantsDropped, scoreMutants } from './mutants';
import { renderScore } from './page';
import { scoreSensitivity } from './sensitivity';
import { scoreShrinking } from './shrinking';

const file = join(packageRoot(), 'docs', 'score.json');
const page = join(packageRoot(), 'docs', 'score.md');
const tell = (line: string): void => console.error(line);

function committed(): Score {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Score;
  } catch {
    return { schema: 'maskproof/score@1' };
  }
}

/** Part by part: what was measured is not lost where a later part fails. */
async function write(part: Partial<Score>): Promise<void> {
  const score: Score = { ...committed(), ...part };
  writeFileSync(file, await format(JSON.stringify(score), { ...(await resolveConfig(file)), parser: 'json' }));
  writeFileSync(page, `${renderScore(score).trimEnd()}\n`);
}

/** The parts by the names that --only takes: each measures and gives back what changes in the score. */
const parts: Readonly<Record<string, (options: Options) => Promise<Partial<Score>>>> = {
  mutants: async ({ mutants }) => ({ mutants: await scoreMutants(tell, mutants, mutants && committed().mutants) }),
  gates: async () => ({ gates: await scoreGates() }),
  sensitivity: async () => ({ sensitivity: await scoreSensitivity(tell) }),
  shrinking: async () => ({ shrinking: scoreShrinking(tell) }),
  guided: async () => ({ guided: await scoreGuided(tell, committed().mutants!) }),
  'false-alarms': async ({ cases, minutes, seed, processes, add }) => ({
    falseAlarms: await scoreFalseAlarms({
      cases,
      until: Date.now() + minutes * 60_000,
      seed,
      processes,
      before: add ? committed().falseAlarms : undefined,
      save: async (falseAlarms) => {
        const all = falseAlarms.rows.reduce((sum, row) => sum + row.cases, 0);
        tell(`${all} cases, ${falseAlarms.alarms.length} alarms`);
        await write({ falseAlarms });
      },
    }),
  }),
};

interface Options {
  /** Those that are measured; all where absent. */
  readonly mutants?: readonly string[];
  readonly cases: number;
  readonly minutes: number;
  readonly seed: number;
  readonly processes?: number;
  /** To what was counted before. */
  readonly add: boolean;
}

async function measure(names: readonly string[], options: Options): Promise<void> {
  for (const name of names) {
    const part = parts[name];
    if (part === undefined) throw new Error(`There is no part ${name}: take ${Object.keys(parts).join(', ')}.`);
    tell(`== ${name}`);
    await write(await part(options));
  }
  console.log(`Written: ${page}`);
}

/** What has become worse, one line each. */
async function drops(): Promise<string[]> {
  const { mutants } = committed();
  const { gates } = await scoreGates();
  const missed = gates.filter(({ ok }) => !ok).map(({ name, figure }) => `gate missed: ${name} (${figure})`);
  const alarms = (await alarmsInShort()).map((alarm) => `false alarm: ${alarm}`);
  return [
    ...missed,
    ...alarms,
    ...(mutants ? await mutantsDropped(mutants) : ['docs/score.json has no mutants: run npm run score']),
  ];
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: 'mutants,gates,sensitivity,shrinking,guided' },
      mutants: { type: 'string' },
      cases: { type: 'string', default: '1000000' },
      minutes: { type: 'string', default: '600' },
      seed: { type: 'string', default: '1' },
      processes: { type: 'string' },
      add: { type: 'boolean', default: false },
    },
  });
  if (!values.quick) {
    await measure(values.mutants ? ['mutants'] : values.only.split(','), {
      mutants: values.mutants?.split(','),
      cases: Number(values.cases),
      minutes: Number(values.minutes),
      seed: Number(values.seed),
      processes: values.processes === undefined ? undefined : Number(values.processes),
      add: values.add,
    });
    return 0;
  }
  const worse = await drops();
  console.log(worse.length === 0 ? 'Nothing has become worse.' : worse.join('\n'));
  return worse.length === 0 ? 0 : 1;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
