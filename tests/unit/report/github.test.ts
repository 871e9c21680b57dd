import { describe, expect, it } from 'vitest';
import { annotations, jobSummary, verdictOf, withoutCommands } from '../../../src/report/github';
import { leak, outcomeOf, reportOf } from './cases';
import { hostileReport, hostileTexts, wholeReport } from './sample';

const options = { root: process.cwd() };
const violations = (n: number) =>
  Array.from({ length: n }, (_, k) =>
    outcomeOf({ property: `forms/law-${k}`, status: 'violated', counterexample: leak() }),
  );

describe('annotations', () => {
  it('tell of each finding that fails the run, on the adapter where there is one', () => {
    expect(annotations(wholeReport(), options)).toMatchInlineSnapshot(`
      "::error file=broadcast-bug.ts,line=1,title=padding/no-influence on broadcast-bug::1 of the pairs that the mask drops changed the output
      ::error file=broadcast-bug.ts,line=1,title=forms/finite-bias on broadcast-bug::Head 1 follows a bias of the key after it
      ::error title=2 properties on second::BackendTimeoutError: second did not answer in 10 s.%0A  Its last lines: none.
      ::error title=rows/support on second::Listed as a known failure, and holds now: take its entry out.
      ::error title=maskproof::1 kind of case was checked too rarely.
      "
    `);
  });

  it('are nothing where everything held', () => {
    expect(annotations(reportOf([outcomeOf({ status: 'held' })]), options)).toBe('');
  });

  it('are ten at most', () => {
    const lines = annotations(reportOf(violations(30)), options)
      .trim()
      .split('\n');
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toBe('::error title=maskproof::21 more findings: the summary of the job has them.');
  });

  it('are one command a line whatever a backend says', () => {
    const text = annotations(hostileReport(), options);
    expect(text.length).toBeLessThan(20_000);
    for (const line of text.trim().split('\n')) expect(line).toMatch(/^::error (file=|title=)/);
    expect(text).not.toMatch(/[\r\u0000-\u0009]/);
  });
});

describe('the log of a job', () => {
  it('has no line that is a workflow command', () => {
    const text = withoutCommands(`a::b\n${hostileTexts.join('\n')}\n\t::warning::x`);
    expect(text).toContain('a::b');
    expect(text).not.toMatch(/^\s*::|##\[/m);
  });
});

describe('the summary of a job', () => {
  it('has the tallies, the pictures and what was not checked', () => {
    const text = jobSummary(wholeReport(), options);
    expect(text).toContain('<h2>maskproof: 2 violations, 1 backend could not answer, 1 known failure holds now');
    expect(text).toContain('<td align="right">2</td>');
    expect(text).toContain('q0  ■  ◉');
    expect(text).toContain('<code>forms/broadcast</code> and 1 more property on <code>second</code>');
    expect(text).toContain('mask rank 4, dtype float16: checked in 3 of 1,200 cases');
    expect(text).toContain('forms/layout: does not declare views');
  });

  it('stays below what GitHub takes, and says what had no room', () => {
    const found = leak();
    const long = 'x&'.repeat(5_000);
    const outcomes = violations(300).map((outcome) => ({
      ...outcome,
      counterexample: { ...found, violation: { ...found.violation, summary: long } },
    }));
    const text = jobSummary(reportOf(outcomes), options);
    expect(Buffer.byteLength(text)).toBeLessThan(1_000_000);
    expect(text).toMatch(/<p>\d+ more findings had no room here.<\/p>/);
  });

  it('opens no element that is not ours whatever a backend says', () => {
    const text = jobSummary(hostileReport(), options);
    const tags = new Set(Array.from(text.matchAll(/<\/?([a-z0-9]+)/gi), ([, name]) => name));
    const ours = ['h2', 'p', 'code', 'table', 'tr', 'th', 'td', 'details', 'summary', 'pre'];
    expect([...tags].filter((tag) => !ours.includes(tag))).toEqual([]);
    // Markdown begins again after an empty line: within our parts there are none but in <pre>.
    for (const part of text.split(/<pre>[^<]*<\/pre>/)) expect(part).not.toMatch(/\n\n[^<\n]/);
  });
});

describe('the verdict', () => {
  it('is a few words', () => {
    expect(verdictOf(reportOf([outcomeOf({ status: 'held' })]))).toBe('everything held');
    expect(verdictOf(reportOf([outcomeOf({ status: 'skipped' })]))).toBe('nothing was checked');
    expect(verdictOf({ ...reportOf(violations(1)), interrupted: true })).toBe('interrupted, 1 violation');
  });
});
