/** How text is written: marks, colour, and what a backend may not do to a terminal. */
export interface Style {
  /** ASCII marks instead of Unicode ones. */
  readonly ascii: boolean;
  readonly color: boolean;
}

export interface Marks {
  readonly kept: string;
  readonly dropped: string;
  readonly leaked: string;
  readonly ignored: string;
  readonly arrow: string;
  readonly more: string;
  readonly held: string;
  readonly violated: string;
  readonly skipped: string;
  readonly failed: string;
  readonly allowed: string;
}

const unicode: Marks = {
  kept: '■',
  dropped: '·',
  leaked: '◉',
  ignored: '○',
  arrow: '←',
  more: '…',
  held: '✔',
  violated: '✖',
  skipped: '–',
  failed: '!',
  allowed: '±',
};
const ascii: Marks = {
  kept: '#',
  dropped: '.',
  leaked: 'X',
  ignored: 'o',
  arrow: '<-',
  more: '...',
  held: '+',
  violated: 'x',
  skipped: '-',
  failed: '!',
  allowed: '+-',
};

export function marksOf(style: Style): Marks {
  return style.ascii ? ascii : unicode;
}

const codes = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;

/** Colour only adds: every line reads the same without it. */
export function paint(style: Style, color: keyof typeof codes, text: string): string {
  return style.color && text !== '' ? `\u001b[${codes[color]}m${text}\u001b[0m` : text;
}

/** Text of a backend's making, fit for a terminal: control characters become visible, lines stay lines. */
export function escapeControls(text: string): string {
  return text.replaceAll(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** '1 case', '2 cases'. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** Every line but empty ones, moved right. */
export function indent(lines: readonly string[], by: string): string[] {
  return lines.map((line) => (line === '' ? '' : by + line));
}
