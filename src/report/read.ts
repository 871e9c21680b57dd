/** A report that was written as JSON, read back: what is made of it again is the same, byte for byte. */
import { caseFromWire, toCamelCase, WireError } from '../protocol/codec';
import { UsageError } from '../errors';
import type { RowTally } from '../property';
import type { ResolvedSupports } from '../backend';
import { resolveSupports, supportsProblem } from '../supports';
import type {
  BackendInfo,
  BatchTally,
  Counterexample,
  DrawnCell,
  Failure,
  KnownFailure,
  Outcome,
  Report,
} from '../engine/events';
import { reportSchema } from './json';
import { JsonError, JsonValue } from './json-value';
import type { LeftOut } from './not-checked';

export interface ReadReport {
  readonly report: Report;
  /** The maskproof that wrote it. */
  readonly version: string;
  readonly leftOut: readonly LeftOut[];
}

/** Throws a UsageError that names the file, the place in it and what is wrong there. */
export function readReport(json: unknown, file: string): ReadReport {
  const whole = new JsonValue(json);
  try {
    const schema = whole.at('schema');
    if (schema.raw !== reportSchema)
      throw new UsageError('bad_report', {
        what: `${file} is no report: its schema is ${JSON.stringify(schema.raw) ?? 'missing'}, not "${reportSchema}".`,
        mend: 'maskproof fuzz --json FILE writes reports.',
      });
    return {
      report: reportOf(whole),
      version: whole.at('maskproof').text(),
      leftOut: leftOutOf(whole.at('notChecked')),
    };
  } catch (error) {
    if (error instanceof JsonError || error instanceof WireError)
      throw new UsageError(
        'bad_report',
        {
          what: `${file} is a report that cannot be read: ${error.message}`,
          mend: 'Take the file as maskproof wrote it.',
        },
        { cause: error },
      );
    throw error;
  }
}

function reportOf(json: JsonValue): Report {
  const budget = json.at('budget');
  const shard = json.at('shard');
  const reference = json.at('reference');
  const cells = json.at('cells').optional((value) => value.list().map(text)) ?? [];
  return {
    seed: json.at('seed').count(),
    budget: given({
      runs: budget.at('runs').optional(number),
      seconds: budget.at('seconds').optional(number),
      failFast: budget.at('fail_fast').optional((value) => value.isTrue()),
      mode: budget.at('mode').optional((value) => value.oneOf(['pr', 'nightly'] as const)),
    }),
    ...(shard.isGiven && { shard: { index: shard.at('index').count(), count: shard.at('count').count() } }),
    reference: given({
      name: reference.at('name').text(),
      precision: reference.at('precision').text(),
      device: reference.at('device').optional(text),
      reason: reference.at('reason').optional(text),
    }),
    backends: json.at('backends').list().map(backendOf),
    outcomes: json
      .at('outcomes')
      .list()
      .map((outcome) => outcomeOf(outcome, cells)),
    coverage: json
      .at('coverage')
      .list()
      .map((cell) => ({
        facet: cell.at('facet').text(),
        value: cell.at('value').text(),
        cases: cell.at('cases').count(),
        checked: cell.at('checked').count(),
      })),
    combinations: json
      .at('combinations')
      .list()
      .flatMap((cell) => drawnOf(cell, text)),
    judged: json.at('judged').count(),
    starved: json
      .at('starved')
      .list()
      .map((cell) => ({
        backend: cell.at('backend').text(),
        facets: textsOf(cell.at('facets')),
        cases: cell.at('cases').count(),
        checked: cell.at('checked').count(),
        required: cell.at('required').number(),
      })),
    interrupted: json.at('interrupted').isTrue(),
    seconds: json.at('seconds').number(),
  };
}

function backendOf(json: JsonValue): BackendInfo {
  const supports = toCamelCase(json.at('supports').raw) as ResolvedSupports;
  const { declared, ...fields } = supports;
  const problem = supportsProblem(fields);
  if (problem !== undefined || !Array.isArray(declared))
    throw new JsonError(problem ?? `${json.path}.supports.declared is no list.`);
  return {
    name: json.at('name').text(),
    spec: json.at('spec').text(),
    versions: textsOf(json.at('versions')),
    supports: { ...resolveSupports(fields), declared },
  };
}

const statuses = ['held', 'violated', 'skipped', 'failed'] as const;

function outcomeOf(json: JsonValue, cells: readonly string[]): Outcome {
  const status = json.at('status').oneOf(statuses);
  const failure = json.at('failure').optional((value) => failureOf(value, json.at('stage')));
  return given({
    property: json.at('property').text(),
    statement: json.at('statement').text(),
    backend: json.at('backend').text(),
    status,
    known: json.at('known').optional(knownOf),
    fixed: json.at('fixed').optional(knownOf),
    narrowed: json.at('narrowed').optional((value) => value.isTrue()) || undefined,
    reason: failure === undefined ? json.at('reason').optional(text) : undefined,
    cases: json.at('cases').count(),
    calls: json.at('calls').count(),
    seconds: json.at('seconds').number(),
    rows: rowsOf(json.at('rows')),
    counterexample: json.at('violation').optional(counterexampleOf),
    failure,
    batches: json.at('batches').optional((value) => value.list().map((batch) => batchOf(batch, cells))),
  });
}

function counterexampleOf(json: JsonValue): Counterexample {
  const cells = (name: string) =>
    json
      .at(name)
      .list()
      .map((cell) => ({
        b: cell.at('b').count(),
        h: cell.at('h').count(),
        i: cell.at('i').count(),
        j: cell.at('j').count(),
      }));
  const row = (value: JsonValue) => ({ b: value.at('b').count(), h: value.at('h').count(), i: value.at('i').count() });
  const numbers = json.at('numbers').optional((value) =>
    given({
      of: value.at('of').text(),
      at: row(value.at('at')),
      actual: value.at('actual').list().map(number),
      expected: value.at('expected').list().map(number),
      allowed: value.at('allowed').optional((allowed) => allowed.list().map(number)),
    }),
  );
  const contents = json.at('contents');
  return given({
    violation: given({
      summary: json.at('summary').text(),
      rows: json.at('rows').list().map(row),
      cells: cells('cells'),
      numbers,
    }),
    case: caseFromWire(json.at('case').raw, json.at('case').path),
    after: json.at('after').optional((value) => value.list().map((one) => caseFromWire(one.raw, one.path))) ?? [],
    leaked: cells('leaked'),
    ignored: cells('ignored'),
    seed: json.at('seed').optional(number),
    path: json.at('path').optional(text),
    found: json.at('found').count(),
    shrinks: json.at('shrinks').count(),
    from: json
      .at('from')
      .optional((value) => Object.fromEntries(value.names().map((name) => [name, value.at(name).count()]))),
    calls: json.at('calls').count(),
    contents: { failed: contents.at('failed').count(), tried: contents.at('tried').count() },
    stopped: json.at('stopped').optional(text),
  });
}

function failureOf(json: JsonValue, stage: JsonValue): Failure {
  return given({
    stage: stage.oneOf(['load', 'open', 'answer', 'close'] as const),
    type: json.at('type').text(),
    message: json.at('message').text(),
    case: json.at('case').optional((value) => caseFromWire(value.raw, value.path)),
    seed: json.at('seed').optional(number),
    path: json.at('path').optional(text),
  });
}

function batchOf(json: JsonValue, cells: readonly string[]): BatchTally {
  return {
    batch: json.at('batch').count(),
    cases: json.at('cases').count(),
    calls: json.at('calls').count(),
    rows: rowsOf(json.at('rows')),
    drawn: drawnOf(json.at('drawn'), (cell) => cells[cell.count()] ?? cell.text()),
    ...(json.at('ended').isGiven && { ended: true as const }),
  };
}

/** Name, cases, checked; name, cases, checked; ... */
function drawnOf(json: JsonValue, nameOf: (value: JsonValue) => string): DrawnCell[] {
  const items = json.list();
  if (items.length % 3 !== 0) throw new JsonError(`${json.path} holds ${items.length} items; they come in threes.`);
  return Array.from({ length: items.length / 3 }, (_, n) => ({
    cell: nameOf(items[3 * n]),
    cases: items[3 * n + 1].count(),
    checked: items[3 * n + 2].count(),
  }));
}

function rowsOf(json: JsonValue): Record<RowTally, number> {
  const of = (name: RowTally) => json.at(name).count();
  return {
    compared: of('compared'),
    blind: of('blind'),
    out_of_range: of('out_of_range'),
    empty: of('empty'),
    not_bitwise: of('not_bitwise'),
  };
}

const knownOf = (json: JsonValue): KnownFailure =>
  given({
    property: json.at('property').text(),
    backend: json.at('backend').text(),
    reason: json.at('reason').text(),
    link: json.at('link').optional(text),
  });

const leftOutOf = (json: JsonValue): LeftOut[] =>
  json
    .list()
    .flatMap((item) =>
      item.at('kind').raw === 'not_loaded'
        ? [{ name: item.at('backend').text(), reason: item.at('reason').text() }]
        : [],
    );

const textsOf = (json: JsonValue): Record<string, string> =>
  Object.fromEntries(json.names().map((name) => [name, json.at(name).text()]));

const text = (json: JsonValue): string => json.text();
const number = (json: JsonValue): number => json.number();

/** Without the fields that are not there: an absent field and one that is undefined are told apart by nobody, but toEqual. */
function given<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
