/** Numbers on the command line: read, and refused where they are out of range. */
import { UsageError } from '../errors';

/** A parser for a whole number between two bounds. */
export function wholeNumber(option: string, min: number, max: number) {
  return (text: string): number => {
    const n = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : NaN;
    if (Number.isNaN(n)) throw outOfRange(option, text, 'is no whole number', min, max);
    if (n < min || n > max) throw outOfRange(option, text, 'is out of range', min, max);
    return n;
  };
}

/** A parser for a number of seconds above 0. */
export function seconds(option: string) {
  return (text: string): number => {
    const n = text.trim() === '' ? NaN : Number(text);
    if (!(n > 0) || n > MAX_TIMER_SECONDS)
      throw new UsageError(
        'out_of_range',
        `${option} ${JSON.stringify(text)} is out of range: give a number of seconds above 0, such as ${option} 60.`,
      );
    return n;
  };
}
/** What a timer of Node can wait for. */
const MAX_TIMER_SECONDS = 2_000_000;

function outOfRange(option: string, text: string, what: string, min: number, max: number): UsageError {
  return new UsageError(
    'out_of_range',
    `${option} ${JSON.stringify(text)} ${what}: give a whole number from ${min} to ${max}.`,
  );
}
