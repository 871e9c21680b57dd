/** The report as SARIF 2.1.0: a rule per property, a result per violation, a notification per backend that could not answer. */
import { createHash } from 'node:crypto';
import type { Location, Log, Notification, ReportingDescriptor, Result } from 'sarif';
import type { BackendInfo, Outcome, Report, StarvedCell } from '../engine/events';
import { jsonText } from '../corpus/save';
import { packageVersion } from '../version';
import { caseLine } from './case-line';
import { againCommand } from './finding';
import { tamed } from './foreign';
import { titleOf, type FileOf } from './plain-finding';
import { renderMask } from './render-mask';
import { cellsInQuestion } from './json';
import { sourceFile } from './source-file';
import { starvedLine } from './starved';

export interface SarifOptions {
  /** What locations are relative to: the repository. */
  readonly root: string;
  readonly fileOf?: FileOf;
}

/** As text. */
export function sarifText(report: Report, options: SarifOptions): string {
  return jsonText(reportToSarif(report, options));
}

export function reportToSarif(report: Report, { root, fileOf }: SarifOptions): Log {
  const { outcomes, backends, starved, seed, reference, interrupted } = tamed(report);
  const rules = rulesOf(outcomes);
  const told = outcomes.map((outcome, n) => {
    const at = report.backends.findIndex(({ name }) => name === report.outcomes[n].backend);
    return { outcome, backend: backends[at], file: fileOf?.(report.outcomes[n]) };
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'maskproof', version: packageVersion(), rules } },
        automationDetails: { id: 'maskproof/' },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful:
              !interrupted &&
              starved.length === 0 &&
              outcomes.every(({ status, known }) => status !== 'failed' || known),
            toolExecutionNotifications: [
              ...told.flatMap(({ outcome, backend }) => notificationOf(outcome, backend, rules, root)),
              ...starved.map(rareNotification),
            ],
          },
        ],
        results: told.flatMap(({ outcome, backend, file }) => resultOf(outcome, backend, { rules, root, file })),
        properties: { seed, reference: reference.name },
      },
    ],
  };
}

function rulesOf(outcomes: readonly Outcome[]): ReportingDescriptor[] {
  const statements = new Map(outcomes.map(({ property, statement }) => [property, statement]));
  return [...statements].map(([id, statement]) => ({ id, shortDescription: { text: statement } }));
}

interface Place {
  readonly rules: readonly ReportingDescriptor[];
  readonly root: string;
  readonly file?: string;
}

function resultOf(outcome: Outcome, backend: BackendInfo | undefined, { rules, root, file }: Place): Result[] {
  const { property, status, known, fixed, counterexample } = outcome;
  if ((status !== 'violated' && fixed === undefined) || backend === undefined) return [];
  const again = fixed === undefined ? againCommand(outcome, backend.spec, file) : undefined;
  const lines = [
    `${backend.name}: ${titleOf(outcome)}`,
    ...(counterexample && fixed === undefined ? [`Smallest case: ${caseLine(counterexample.case)}.`] : []),
    ...(again === undefined ? [] : [`Again: ${again}`]),
  ];
  return [
    {
      ruleId: property,
      ruleIndex: rules.findIndex(({ id }) => id === property),
      kind: 'fail',
      level: 'error',
      message: { text: messageText(lines.join('\n')) },
      locations: [locationOf(backend, root)],
      // The same backend breaking the same law is the same finding, whatever its smallest case is today.
      partialFingerprints: { 'propertyAndBackend/v1': hash([property, backend.name]) },
      ...(known && {
        suppressions: [
          {
            kind: 'external',
            status: 'accepted',
            justification: [known.reason, ...(known.link ? [known.link] : [])].join(' '),
          },
        ],
      }),
      ...(counterexample && fixed === undefined && { properties: { picture: pictureOf(counterexample, backend) } }),
    },
  ];
}

function pictureOf(counterexample: NonNullable<Outcome['counterexample']>, backend: BackendInfo): string[] {
  const { case: c, violation } = counterexample;
  const leaked = cellsInQuestion(counterexample);
  return renderMask(
    { case: c, conventions: backend.supports, rows: violation.rows, leaked, ignored: [] },
    { ascii: false, color: false },
  );
}

/** A backend that errs has violated nothing: the tool tells of it apart. So it does of what was skipped. */
function notificationOf(
  outcome: Outcome,
  backend: BackendInfo | undefined,
  rules: readonly ReportingDescriptor[],
  root: string,
): Notification[] {
  const { property, status, known, failure } = outcome;
  if ((status !== 'failed' && status !== 'skipped') || backend === undefined) return [];
  const stage = failure ? ` failed at stage ${failure.stage}` : ' was not asked';
  return [
    {
      level: status === 'skipped' || known ? 'note' : 'error',
      message: { text: messageText(`${backend.name}${stage}: ${titleOf(outcome)}`) },
      associatedRule: { id: property, index: rules.findIndex(({ id }) => id === property) },
      locations: [locationOf(backend, root)],
    },
  ];
}

const rareNotification = (cell: StarvedCell): Notification => ({
  level: 'error',
  message: { text: messageText(`${cell.backend}: ${starvedLine(cell)}.`) },
});

/** The adapter's file where there is one: nothing finer is known, so it is its first line. */
function locationOf(backend: BackendInfo, root: string): Location {
  const path = sourceFile(backend.spec, root);
  const uri = path?.split('/').map(encodeURIComponent).join('/');
  return {
    ...(uri !== undefined && {
      physicalLocation: { artifactLocation: { uri, uriBaseId: '%SRCROOT%' }, region: { startLine: 1 } },
    }),
    logicalLocations: [{ name: backend.name, kind: 'module' }],
  };
}

/** No placeholder and no link may form in a message. */
const messageText = (text: string) => text.replaceAll('{', '{{').replaceAll('}', '}}').replaceAll('](', '] (');

const hash = (parts: readonly string[]) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');
