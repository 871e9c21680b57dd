/**
 * npm run score [-- --only mutants,gates,sensitivity,shrinking,false-alarms] [--cases N] [--seed N]: measures the suite itself, and writes
 * docs/score.json and docs/score.md. npm run score -- --quick: measures less, writes nothing, and fails where something has become worse.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { packageRoot } from '../../src/version';
import { scoreGates } from './gates';
import type { Score } from './measured';
import { mutantsDropped, scoreMutants } from './mutants';
import { renderScore } from './page';

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

/** The parts by the names that --only takes: each measures and gives back what changes in the score. */
const parts: Readonly<Record<string, (options: Options) => Promise<Partial<Score>>>> = {
  mutants: async () => ({ mutants: await scoreMutants(tell) }),
  gates: async () => ({ gates: await scoreGates() }),
};

interface Options {
  readonly cases: number;
  readonly seed: number;
}

async function measure(names: readonly string[], options: Options): Promise<void> {
  for (const name of names) {
    const part = parts[name];
    if (part === undefined) throw new Error(`There is no part ${name}: take ${Object.keys(parts).join(', ')}.`);
    tell(`== ${name}`);
    // Written part by part: what was measured is not lost where a later part fails.
    const score: Score = { ...committed(), ...(await part(options)) };
    writeFileSync(file, await format(JSON.stringify(score), { ...(await resolveConfig(file)), parser: 'json' }));
    writeFileSync(page, `${renderScore(score).trimEnd()}\n`);
  }
  console.log(`Written: ${page}`);
}

/** What has become worse, one line each. */
async function drops(): Promise<string[]> {
  const { mutants } = committed();
  const { gates } = await scoreGates();
  const missed = gates.filter(({ ok }) => !ok).map(({ name, figure }) => `gate missed: ${name} (${figure})`);
  return [
    ...missed,
    ...(mutants ? await mutantsDropped(mutants) : ['docs/score.json has no mutants: run npm run score']),
  ];
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: 'mutants,gates' },
      cases: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
    },
  });
  if (!values.quick) {
    await measure(values.only.split(','), { cases: Number(values.cases), seed: Number(values.seed) });
    return 0;
  }
  const worse = await drops();
  console.log(worse.length === 0 ? 'Nothing has become worse.' : worse.join('\n'));
  return worse.length === 0 ? 0 : 1;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
