/** The reports that are files: who asked for which, and writing them down whole or not at all. */
import { appendFileSync } from 'node:fs';
import writeFileAtomic from 'write-file-atomic';
import type { Report } from '../engine/events';
import { UsageError } from '../errors';
import { annotations, jobSummary } from '../report/github';
import { htmlText } from '../report/html';
import { reportText } from '../report/json';
import { junitText } from '../report/junit';
import type { LeftOut } from '../report/not-checked';
import type { FileOf } from '../report/plain-finding';
import { sarifText } from '../report/sarif';
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
export async function writeReports(files: ReportFiles, report: Report, context: ReportContext, io: Io): Promise<void> {
  const { leftOut, fileOf } = context;
  const root = io.env.GITHUB_WORKSPACE ?? process.cwd();
  const texts = {
    json: () => reportText(report, leftOut),
    junit: () => junitText(report, fileOf),
    sarif: () => sarifText(report, { root, fileOf }),
    html: () => htmlText(report, { leftOut, fileOf }),
  };
  if (files.json === '-') io.out(texts.json());
  const written = await Promise.allSettled(
    reportFiles(files).map(async ({ flag, kind, file }) => {
      const text = texts[kind]();
      await writeFileAtomic(file, text).catch((error: unknown) => {
        throw unwritten(flag, file, error);
      });
    }),
  );
  tellGithub(report, { root, fileOf, leftOut }, io);
  for (const result of written) if (result.status === 'rejected') throw result.reason;
}

/** Annotations go to standard error: GitHub reads them there too, and standard output may be somebody's JSON. */
function tellGithub(report: Report, options: Parameters<typeof jobSummary>[1], io: Io): void {
  if (isGithub(io)) io.err(annotations(report, options));
  const { GITHUB_STEP_SUMMARY: summary } = io.env;
  // The file is shared with whatever else the step runs: it is added to and not replaced.
  if (summary) appendFileSync(summary, jobSummary(report, options));
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
