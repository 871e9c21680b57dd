/** What a benchmark prints: a table, and what it has to reach. */
export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Ratios of one run, or figures that the project promises; missed ones are told, and fail `npm run bench -- --strict`. */
  readonly gates?: readonly Gate[];
}

interface Gate {
  readonly name: string;
  readonly ok: boolean;
}

/** Ratios of one run, and what they have to reach. */
export function atLeast(due: number, what: string, x: number): Gate {
  return { name: `${what}: ${x.toPrecision(3)}, at least ${due}`, ok: x >= due };
}

export function atMost(due: number, what: string, x: number): Gate {
  return { name: `${what}: ${x.toPrecision(3)}, at most ${due}`, ok: x <= due };
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Columns aligned, the first to the left and the rest to the right. */
export function renderTable({ title, header, rows, gates = [] }: Table): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  ');
  const marks = gates.map(({ name, ok }) => `  ${ok ? 'reached' : 'MISSED '}  ${name}`);
  return [title, ...all.map((row) => `  ${line(row)}`.trimEnd()), ...marks].join('\n');
}
