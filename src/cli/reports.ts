/** The reports that are files: who asked for which, and writing them down whole or not at all. */
import { appendFileSync } from 'node:fs';
import type { Report } from '../engine/events';
import { UsageError } from '../errors';
import { annotations, jobSummary } from '../report/github';
import { htmlText } from '../report/html';
import { reportText } from '../report/json';
import { junitText } from '../report/junit';
import type { LeftOut } from '../report/not-checked';
import type { FileOf } from '../report/plain-finding';
import { sarifText } from '../report/sarif';
import { writeWhole } from '../whole-file';
import type { Io } from './io';

export interface ReportFiles {
  /** '-' is standard output; the text goes to standard error then. */
  readonly json?: string;
  readonly junit?: string;
  readonly sarif?: string;
  readonly html?: string;
}

interface ReportContext {
  readonly leftOut: readonly LeftOut[];
  readonly fileOf: FileOf;
}

const kinds = ['json', 'junit', 'sarif', 'html'] as const;

/** The files that were asked for, each with its flag. */
export function reportFiles(files: ReportFiles): { flag: string; kind: (typeof kinds)[number]; file: string }[] {
  return kinds.flatMap((kind) => {
    const file = files[kind];
    return file === undefined || (kind === 'json' && file === '-') ? [] : [{ flag: `--${kind}`, kind, file }];
  });
}

/** Every report that was asked for; one that cannot be written keeps none of the others from being. */
export function writeReports(files: ReportFiles, report: Report, context: ReportContext, io: Io): void {
  const { leftOut, fileOf } = context;
  const root = io.env.GITHUB_WORKSPACE ?? process.cwd();
  const texts = {
    json: () => reportText(report, leftOut),
    junit: () => junitText(report, fileOf),
    sarif: () => sarifText(report, { root, fileOf }),
    html: () => htmlText(report, { leftOut, fileOf }),
  };
  if (files.json === '-') io.out(texts.json());
  const errors = reportFiles(files).flatMap(({ flag, kind, file }) => {
    const text = texts[kind]();
    try {
      writeText(flag, file, text);
      return [];
    } catch (error) {
      return [error as UsageError];
    }
  });
  // On standard error: GitHub reads them there too, and standard output may be somebody's JSON.
  if (isGithub(io)) io.err(annotations(report, { root, fileOf, leftOut }));
  addToSummary(report, { root, fileOf, leftOut }, io);
  if (errors.length > 0) throw errors[0];
}

/** A text whole in its file, or not at all. Throws a UsageError where it cannot be written. */
export function writeText(flag: string, file: string, text: string): void {
  try {
    writeWhole(file, text);
  } catch (error) {
    throw unwritten(flag, file, error);
  }
}

/** The summary of the job is shared with whatever else the step runs: it is added to and not replaced. */
function addToSummary(report: Report, options: Parameters<typeof jobSummary>[1], { env, err }: Io): void {
  const { GITHUB_STEP_SUMMARY: summary } = env;
  if (!summary) return;
  try {
    appendFileSync(summary, jobSummary(report, options));
  } catch (error) {
    err(`The summary of the job could not be written: ${(error as NodeJS.ErrnoException).code}.\n`);
  }
}

export const isGithub = ({ env }: Io): boolean => env.GITHUB_ACTIONS === 'true';

function unwritten(flag: string, file: string, error: unknown): UsageError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new UsageError(
    'unwritable',
    { what: `${flag} ${file} could not be written: ${code ?? message}.`, mend: 'Nothing was left half-written there.' },
    { cause: error },
  );
}
