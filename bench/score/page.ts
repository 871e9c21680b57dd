/** docs/score.md out of what was measured. */
import { documented } from '../../tests/mutants/documented';
import { properties } from '../../properties';
import { median } from '../table';
import { percent } from './gates';
import type { FalseAlarms, Gates, Guided, Made, Mutants, MutantScore, Score, Sensitivity, Shrinking } from './measured';
import { zoo } from './zoo';

type Row = readonly (string | number)[];

function table(header: Row, rows: readonly Row[]): string {
  const line = (row: Row) => `| ${row.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map((_, n) => (n === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

const from = ({ date, maskproof, node, cpu }: Made): string =>
  `_${date}, maskproof ${maskproof}, Node ${node}, ${cpu}._`;

const most = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b), 0);
const span = (numbers: readonly number[], digits = 0): string =>
  numbers.length === 0 ? '-' : `${median(numbers).toFixed(digits)} / ${most(numbers).toFixed(digits)}`;

export function renderScore(score: Score): string {
  const { mutants, gates, falseAlarms, sensitivity, shrinking, guided } = score;
  return [
    '# The score: how good is the suite itself?',
    '',
    'Written by `npm run score`; do not edit. A verification suite is as good as the bugs it catches, the false alarms it does not raise, and how little it leaves to read.',
    'Times are milliseconds of CPU of a warm process, compiler and garbage collector included; pairs are median / worst.',
    '',
    ...(mutants ? summaryOf(mutants) : []),
    ...(gates ? gatesOf(gates) : []),
    ...(falseAlarms ? alarmsOf(falseAlarms) : []),
    ...(sensitivity ? sensitivityOf(sensitivity) : []),
    ...(shrinking ? shrinkingOf(shrinking) : []),
    ...(guided ? guidedOf(guided) : []),
    ...documentedOf(),
    ...(mutants ? propertiesOf(mutants) : []),
    ...(mutants ? mutantsOf(mutants) : []),
  ].join('\n');
}

function summaryOf({ made, mutants, equivalents, runs, equivalentRuns }: Mutants): string[] {
  const all = mutants.filter(({ fell, seeds }) => fell === seeds);
  const over = (numbers: (mutant: MutantScore) => readonly number[]) => span(mutants.flatMap(numbers));
  const flagged = equivalents.filter(({ flaggedBy }) => flaggedBy.length > 0);
  const survivors = mutants.filter(({ fell, seeds }) => fell < seeds);
  const seeds = mutants[0]?.seeds ?? 0;
  return [
    '## In short',
    '',
    from(made),
    '',
    table(
      ['', ''],
      [
        [
          `Mutants that fall under ${seeds} of ${seeds} seeds, at ${runs} cases a property`,
          `${all.length} of ${mutants.length}`,
        ],
        [
          `Equivalents that are flagged, at ${equivalentRuns} cases a property`,
          `${flagged.length} of ${equivalents.length}`,
        ],
        ['Documented mistakes that a mutant shows', `${shown().length} of ${documented.length}`],
        ['Cases of all laws to the first failure', over((mutant) => mutant.cases)],
        ['Milliseconds to the first failure', over((mutant) => mutant.ms)],
        ['Milliseconds to the shrunk counterexample', over((mutant) => mutant.shrunkMs)],
        ['Calls of the backend to shrink it', over((mutant) => mutant.calls)],
        ['Cells (batch x num_heads x q_len x kv_len) of what is left', over((mutant) => mutant.cells)],
      ],
    ),
    '',
    'Laws take turns, one batch each of 1, 2, 4, ... cases, so that no law waits for another to be through: the same cases as in `maskproof fuzz`, in another order.',
    '',
    ...(flagged.length > 0
      ? [
          `Flagged, and that is our bug: ${flagged.map(({ name, flaggedBy }) => `${name} by ${flaggedBy.join(', ')}`).join('; ')}.`,
          '',
        ]
      : []),
    survivors.length === 0
      ? 'No mutant survives under any seed.'
      : `Survivors: ${survivors.map(({ name, fell }) => `${name} (falls under ${fell} of ${seeds} seeds)`).join(', ')}.`,
    '',
  ];
}

function gatesOf({ made, gates }: Gates): string[] {
  return [
    '## Gates',
    '',
    'A suite that checks nothing finds nothing and raises no alarm. These figures are those of a backend that declares everything.',
    '',
    from(made),
    '',
    table(
      ['gate', 'measured', ''],
      gates.map(({ name, figure, ok }) => [name, figure, ok ? 'ok' : '**missed**']),
    ),
    '',
  ];
}

function alarmsOf({ made, rows, alarms, compared, seeds, runs }: FalseAlarms): string[] {
  const cases = rows.reduce((sum, row) => sum + row.cases, 0);
  const range = seeds.length > 1 ? `seeds ${Math.min(...seeds)} to ${Math.max(...seeds)}` : `seed ${seeds[0]}`;
  return [
    '## False alarms',
    '',
    `${cases.toLocaleString('en')} cases of every law (${compared.toLocaleString('en')} compared rows) over implementations that are right and declare honestly how they compute: **${alarms.length} alarms**. \`npm run score:false-alarms\`; ${range}, ${runs} cases a law and implementation under each.`,
    '',
    from(made),
    '',
    table(
      ['implementation', 'dtype', 'cases', 'alarms'],
      rows.map((row) => [row.implementation, row.dtype, row.cases.toLocaleString('en'), row.alarms]),
    ),
    '',
    ...alarms.map((alarm) => `- ${alarm}`),
    ...(alarms.length > 0 ? [''] : []),
  ];
}

function sensitivityOf({ made, columns, rows, trials }: Sensitivity): string[] {
  return [
    '## Sensitivity: one leaked cell',
    '',
    'One cell that the causal mask drops is let through in one row of a square attention, head_dim 64, query, key and value of a normal distribution. The share of such leaks that each rule finds, our own and those in use elsewhere; kernels are emulated operation by operation. Rules over a whole head take its errors from every row at 512 and from every 16th at 2,048.',
    '',
    from(made),
    '',
    table(
      ['rule', ...columns],
      rows.map(({ rule, found }) => [
        rule,
        ...columns.map((column) =>
          found[column] === null || found[column] === undefined ? '-' : percent(found[column]),
        ),
      ]),
    ),
    '',
    `Leaks tried: ${columns.map((column) => `${trials[column]} (${column})`).join(', ')}.`,
    '',
  ];
}

function shrinkingOf({ made, seeds, rows }: Shrinking): string[] {
  const reached = rows.reduce((sum, row) => sum + row.reached, 0);
  return [
    '## Shrinking',
    '',
    `Defects that show exactly where a predicate says, with a known smallest case: how many of ${seeds} seeds end in it, in sizes and in dropped cells, and how many smaller cases were tried on the way, the last round included.`,
    `${reached} of ${rows.length * seeds} reach it (${percent(reached / (rows.length * seeds))}); median of the medians ${median(rows.map(({ executions }) => executions.median))} executions.`,
    '',
    from(made),
    '',
    table(
      ['defect', 'seeds at the minimum', 'executions, median / most'],
      rows.map(({ defect, reached: here, executions }) => [
        defect,
        `${here} of ${seeds}`,
        `${executions.median} / ${executions.most}`,
      ]),
    ),
    '',
  ];
}

function guidedOf({ made, law, runs, rows }: Guided): string[] {
  const ratio = (row: Guided['rows'][number]) => median(row.guided) / median(row.random);
  const worse = rows.filter((row) => ratio(row) > 1).length;
  return [
    '## Guided search',
    '',
    `Tried (\`npm run score -- --only guided\`), and not part of the suite: half of the cases drawn afresh, half changed from the sixteen with the largest error / radius so far (numbers scaled or moved, one cell of the mask turned over). Cases until \`${law}\` falls, ${rows[0].random.length} seeds, at most ${runs.toLocaleString('en')}, on the mutants that it needs the most cases for: guided, ${worse} of ${rows.length} take more in the median, ${median(rows.map(ratio)).toFixed(2)} times as many over all. A wrong mask gives no error to climb on before it gives a wrong answer, and a variant of an old case is less likely to show another mistake than a new one.`,
    '',
    from(made),
    '',
    table(
      ['mutant', 'random, median / worst', 'guided, median / worst', 'guided / random'],
      rows.map((row) => [row.mutant, span(row.random), span(row.guided), ratio(row).toFixed(2)]),
    ),
    '',
  ];
}

const shown = () => documented.filter(({ shownBy }) => shownBy !== undefined);

function documentedOf(): string[] {
  const missing = documented.filter(({ shownBy }) => shownBy === undefined);
  return [
    '## Documented mistakes',
    '',
    `${documented.length} mistakes that real projects have written down in public; ${shown().length} of them are shown by a mutant ([tests/mutants/documented.ts](../tests/mutants/documented.ts)), these are not:`,
    '',
    table(
      ['mistake', 'why no call shows it'],
      missing.map(({ what, link, notHere }) => [`[${what}](${link})`, notHere ?? '']),
    ),
    '',
  ];
}

/** Everything that is known to kill a mutant: the matrix, what fell first in a hunt, and what the tests demand. */
function killersOf({ name, killedBy, first }: MutantScore): Set<string> {
  const due = zoo.find((mutant) => mutant.name === name)?.catches ?? [];
  return new Set([...Object.keys(killedBy ?? {}), ...Object.keys(first), ...due]);
}

function propertiesOf({ mutants }: Mutants): string[] {
  const killers = mutants.map((mutant) => ({ name: mutant.name, by: killersOf(mutant) }));
  return [
    '## What each law kills',
    '',
    table(
      ['law', 'mutants it kills', 'first to fall, in mutants', 'those that it alone kills'],
      properties.map(({ id }) => [
        id,
        killers.filter(({ by }) => by.has(id)).length,
        mutants.filter(({ first }) => id in first).length,
        killers
          .filter(({ by }) => by.size === 1 && by.has(id))
          .map(({ name }) => name)
          .join(', ') || '-',
      ]),
    ),
    '',
    'A law that kills nothing alone is kept where it says why: what it states is what a person reads in the report.',
    '',
  ];
}

function mutantsOf({ mutants, matrixRuns }: Mutants): string[] {
  return [
    '## The mutants',
    '',
    `"Killed by" are the laws that fall within ${matrixRuns} cases under seed 1, the soonest first, with the cases that it took.`,
    '',
    table(
      ['mutant', 'seeds', 'cases', 'ms', 'ms, shrunk', 'calls', 'cells left', 'killed by'],
      mutants.map(({ name, link, seeds, fell, killedBy, ...numbers }) => [
        link ? `[${name}](${link})` : name,
        `${fell}/${seeds}`,
        span(numbers.cases),
        span(numbers.ms),
        span(numbers.shrunkMs),
        span(numbers.calls),
        span(numbers.cells),
        killedBy === undefined
          ? 'not measured yet'
          : Object.entries(killedBy)
              .sort(([, a], [, b]) => a - b)
              .map(([id, cases]) => `${id} ${cases}`)
              .join(', '),
      ]),
    ),
    '',
  ];
}
