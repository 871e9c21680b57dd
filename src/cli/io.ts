/** Where a command writes, and what it may assume about the place. */
import type { Style } from '../report/style';

export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
  /** The width of standard output where it is a terminal. */
  readonly columns?: number;
}

export function processIo(): Io {
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    env: process.env,
    ...(process.stdout.isTTY && { columns: process.stdout.columns || 80 }),
  };
}

/** ASCII marks where asked for or where the locale is known not to be UTF-8; colour on a terminal without NO_COLOR. */
export function styleFor({ env, columns }: Io, ascii: boolean): Style {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  const isKnownOther = locale !== '' && !/utf-?8/i.test(locale);
  return { ascii: ascii || isKnownOther, color: columns !== undefined && !env.NO_COLOR && env.TERM !== 'dumb' };
}
