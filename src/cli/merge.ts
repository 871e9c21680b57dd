/** maskproof merge: the reports of shards, joined to the report of the one run. */
import { properties } from '../../properties/index';
import { readJson } from '../corpus/load';
import { mergeReports } from '../engine/merge';
import { readReport } from '../report/read';
import { textReporter } from '../report/text';
import { codeOf, refuseUnwritable } from './fuzz';
import { styleFor, type Io } from './io';
import { reportFiles, writeReports, type ReportFiles } from './reports';

export interface MergeOptions extends ReportFiles {
  readonly ascii?: boolean;
}

export function merge(files: readonly string[], options: MergeOptions, io: Io): number {
  reportFiles(options).forEach(({ flag, file }) => refuseUnwritable(file, flag));
  const read = files.map((name) => ({ name, ...readReport(readJson(name, 'The report'), name) }));
  const report = mergeReports(read, properties);
  const [{ leftOut }] = read;
  const { seed, reference, backends, budget } = report;
  const tell = textReporter({
    style: styleFor(io, options.ascii ?? false),
    write: options.json === '-' ? io.err : io.out,
    leftOut,
  });
  tell({
    type: 'run_started',
    seed,
    reference,
    backends,
    properties: new Set(report.outcomes.map(({ property }) => property)).size,
    budget,
  });
  report.outcomes.forEach((outcome) => tell({ type: 'outcome', outcome }));
  tell({ type: 'run_finished', report });
  writeReports(options, report, { leftOut, fileOf: () => undefined }, io);
  return codeOf(report);
}
