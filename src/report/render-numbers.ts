/** The numbers of the first bad row: what came, what was due, how far off it may be, and where it is further. */
import type { Violation } from '../property';
import { marksOf, paint, type Style } from './style';

const MAX_SHOWN = 8;

/** The numbers as a table of text: a column per feature (or per key, for weights and scores). */
export interface NumbersTable {
  /** 'output[b=0, h=0, q=1]' */
  readonly heading: string;
  readonly columns: readonly string[];
  readonly actual: readonly string[];
  readonly expected: readonly string[];
  /** Absent: compared bit for bit. */
  readonly allowed?: readonly string[];
  readonly failed: readonly boolean[];
  /** Columns that are not shown, and how many failed of how many in all. */
  readonly left: number;
  readonly failures: number;
  readonly of: number;
}

export function numbersTable({ of, at, actual, expected, allowed }: NonNullable<Violation['numbers']>): NumbersTable {
  const failed = actual.map((x, n) => isOff(x, expected[n], allowed?.[n]));
  const shown = region(actual.length, failed.indexOf(true));
  const axis = of.startsWith('weights') || of.startsWith('scores') ? 'k' : of === 'logits' ? 't' : 'd=';
  const differing = shown.map((n) => digitsThatDiffer(actual[n], expected[n]));
  return {
    heading: `${of}[b=${at.b}, h=${at.h}, ${/^gradient of (key|value)$/.test(of) ? 'k' : 'q'}=${at.i}]`,
    columns: shown.map((n) => `${axis}${n}`),
    actual: shown.map((n, column) => format(actual[n], differing[column])),
    expected: shown.map((n, column) => format(expected[n], differing[column])),
    ...(allowed && { allowed: shown.map((n) => brief(allowed[n])) }),
    failed: shown.map((n) => failed[n]),
    left: actual.length - shown.length,
    failures: failed.filter(Boolean).length,
    of: actual.length,
  };
}

/** The same as lines. */
export function renderNumbers(numbers: NonNullable<Violation['numbers']>, style: Style): string[] {
  const { heading, columns, actual, expected, allowed, failed, left, failures, of } = numbersTable(numbers);
  const marks = marksOf(style);
  const table = [
    [heading, ...columns],
    ['actual', ...actual],
    ['expected', ...expected],
    ...(allowed === undefined ? [] : [[`allowed ${marks.allowed}`, ...allowed]]),
    ['failed ->', ...failed.map((is) => (is ? 'xx' : ''))],
  ];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row
      .map((text, column) => text.padStart(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  lines[lines.length - 1] = lines[lines.length - 1].replaceAll('xx', paint(style, 'red', 'xx'));
  return [
    ...lines,
    ...(left > 0 ? [`${marks.more} ${left} more, ${failures} of ${of} failed`] : []),
    ...(allowed === undefined ? ['(compared bit for bit)'] : []),
  ];
}

function isOff(actual: number, expected: number, allowed: number | undefined): boolean {
  if (Number.isNaN(actual) || Number.isNaN(expected)) return Number.isNaN(actual) !== Number.isNaN(expected);
  if (actual === expected) return false;
  return allowed === undefined || !(Math.abs(actual - expected) <= allowed);
}

function region(length: number, firstFailed: number): number[] {
  const from = Math.max(0, Math.min(firstFailed - 1, length - MAX_SHOWN));
  return Array.from({ length: Math.min(length, MAX_SHOWN) }, (_, n) => from + n);
}

/** How many significant digits tell two numbers apart. */
function digitsThatDiffer(a: number, b: number): number {
  for (let digits = 5; digits < 17; digits++)
    if (a === b || Number.isNaN(a) || Number.isNaN(b) || a.toPrecision(digits) !== b.toPrecision(digits)) return digits;
  return 17;
}

function format(x: number, digits: number): string {
  if (Object.is(x, -0)) return '-0';
  if (!Number.isFinite(x) || x === 0) return String(x);
  const magnitude = Math.abs(x);
  if (magnitude >= 1e6 || magnitude < 1e-4) return x.toExponential(digits - 1);
  const whole = Math.max(1, Math.floor(Math.log10(magnitude)) + 1);
  return x.toFixed(Math.max(0, digits - whole));
}

const brief = (x: number) =>
  x === 0 || !Number.isFinite(x) ? String(x) : x.toExponential(1).replace(/e([+-])(\d)$/, 'e$10$2');
