import { describe, expect, it } from 'vitest';
import { seconds, wholeNumber } from '../../../src/cli/number-options';
import { matchesGlob } from '../../../src/glob';

describe('numbers on the command line', () => {
  const runs = wholeNumber('--runs', 1, 10);
  it('are read', () => {
    expect(runs('7')).toBe(7);
    expect(seconds('--seconds')('0.5')).toBe(0.5);
  });
  it.each([
    ['-1', '--runs "-1" is out of range: give a whole number from 1 to 10.'],
    ['0', '--runs "0" is out of range: give a whole number from 1 to 10.'],
    ['11', '--runs "11" is out of range: give a whole number from 1 to 10.'],
    ['1.5', '--runs "1.5" is no whole number: give a whole number from 1 to 10.'],
    ['', '--runs "" is no whole number: give a whole number from 1 to 10.'],
    ['1e1', '--runs "1e1" is no whole number: give a whole number from 1 to 10.'],
  ])('%j is refused in one sentence', (text, sentence) => {
    expect(() => runs(text)).toThrow(sentence);
  });
  it.each(['0', '-3', 'NaN', 'Infinity', '', 'soon'])('%j seconds are refused', (text) => {
    expect(() => seconds('--seconds')(text)).toThrow(`--seconds ${JSON.stringify(text)} is out of range`);
  });
});

describe('patterns of property ids', () => {
  it('match any characters at a star and nothing else specially', () => {
    expect(matchesGlob('forms/a', 'forms/*')).toBe(true);
    expect(matchesGlob('forms/a', 'forms')).toBe(false);
    expect(matchesGlob('forms/a', 'forms/.')).toBe(false);
    expect(matchesGlob('forms/a', '*')).toBe(true);
  });
});
