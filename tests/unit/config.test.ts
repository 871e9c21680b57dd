import { describe, expect, it } from 'vitest';
import { configFor, configProblem, defineConfig } from '../../src/config';

describe('configProblem', () => {
  it('is undefined for a whole configuration', () => {
    const config = defineConfig({
      backends: ['oracle', './a.ts'],
      properties: ['forms/*'],
      runs: 100,
      seconds: 1.5,
      seed: 0,
      jobs: 2,
      reference: 'oracle',
      failFast: true,
      timeout: 5,
      knownFailures: 'known.json',
      corpus: 'corpus',
      json: '-',
      junit: 'a.xml',
      sarif: 'a.sarif',
      html: 'a.html',
      python: 'python3',
      ascii: false,
      mode: 'pr',
      pr: { runs: 10 },
      nightly: { seconds: 3600 },
    });
    expect(configProblem(config)).toBeUndefined();
    expect(configProblem({})).toBeUndefined();
    expect(configProblem({ runs: undefined, pr: undefined })).toBeUndefined();
  });

  it.each<[unknown, string]>([
    [{ runs: 'ten' }, 'runs is "ten"; it is a whole number from 1 to 1000000000.'],
    [{ runs: 0 }, 'runs is 0; it is a whole number from 1 to 1000000000.'],
    [{ seconds: NaN }, 'seconds is NaN; it is a number of seconds above 0.'],
    [{ seed: -1 }, 'seed is -1; it is a whole number from 0 to 2147483647.'],
    [{ backends: 'oracle' }, 'backends is "oracle"; it is a list of texts.'],
    [{ backends: ['oracle', 3] }, 'backends[1] is 3; it is text.'],
    [{ nightly: { properties: [''] } }, 'nightly.properties[0] is ""; it is text.'],
    [{ mode: 'night' }, 'mode is "night"; it is "pr" or "nightly".'],
    [{ pr: { mode: 'pr' } }, 'pr.mode is not a field.'],
    [{ backend: [] }, 'backend is not a field. Did you mean "backends"?'],
    [{ pr: { rums: 1 } }, 'pr.rums is not a field. Did you mean "runs"?'],
    [{ pr: 3 }, 'pr is 3; it is an object.'],
    [null, 'the configuration is null; it is an object.'],
    [[], 'the configuration is []; it is an object.'],
    [() => ({}), 'the configuration is a function; it is an object.'],
    [{ toString: 1 }, 'toString is not a field.'],
  ])('%j', (config, sentence) => {
    expect(configProblem(config)).toBe(sentence);
  });
});

describe('configFor', () => {
  const config = { runs: 1, seed: 7, corpus: 'c', mode: 'pr', pr: { runs: 2 }, nightly: { runs: 3 } } as const;

  it('lays a mode over what holds for every run; a night takes no seed but its own', () => {
    expect(configFor(config, undefined)).toEqual({ runs: 1, seed: 7, corpus: 'c' });
    expect(configFor(config, 'pr')).toEqual({ runs: 2, seed: 7, corpus: 'c' });
    expect(configFor(config, 'nightly')).toEqual({ runs: 3, seed: undefined, corpus: 'c' });
    expect(configFor({ ...config, nightly: { seed: 9 } }, 'nightly').seed).toBe(9);
  });
});
