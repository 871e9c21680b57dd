import { describe, expect, it } from 'vitest';
import { reportToSarif, sarifText } from '../../../src/report/sarif';
import { $schema, id, sarifErrors } from '../../support/schemas';
import { reportOf } from './cases';
import { hostileReport, wholeReport } from './sample';

const root = process.cwd();
describe('the SARIF report', () => {
  const [run] = reportToSarif(wholeReport(), { root }).runs;
  const results = run.results ?? [];

  it('keeps to the schema', () => {
    expect([$schema, id]).toEqual([expect.stringContaining('draft-04'), expect.stringContaining('sarif-2.1.0')]);
    expect(sarifErrors(sarifText(wholeReport(), { root }))).toEqual([]);
    expect(sarifErrors(sarifText(reportOf([]), { root }))).toEqual([]);
  });

  it('stays whole and short whatever a backend says', () => {
    const text = sarifText(hostileReport(), { root });
    expect(sarifErrors(text)).toEqual([]);
    expect(text.length).toBeLessThan(100_000);
    const [{ results: said = [], invocations = [] }] = reportToSarif(hostileReport(10_000), { root }).runs;
    const told = [...said, ...(invocations[0].toolExecutionNotifications ?? [])];
    // No link, and no placeholder: braces are doubled.
    for (const { message } of told) expect(message.text?.replaceAll(/{{|}}/g, '')).not.toMatch(/\]\(|[{}]/);
  });

  it('has a result for what violates a law or holds again, and none for a backend that errs', () => {
    expect(results.map(({ ruleId, level, suppressions }) => [ruleId, level, suppressions?.length ?? 0])).toEqual([
      ['padding/no-influence', 'error', 0],
      ['forms/finite-bias', 'error', 0],
      ['rows/fully-masked', 'error', 1],
      ['rows/support', 'error', 0],
    ]);
    const notifications = run.invocations?.[0].toolExecutionNotifications ?? [];
    expect(notifications.map(({ level, message }) => [level, message.text?.split('\n')[0]])).toEqual([
      ['note', 'broadcast-bug was not asked: does not declare views'],
      ['error', 'second failed at stage answer: BackendTimeoutError: second did not answer in 10 s.'],
      ['error', 'second failed at stage answer: BackendTimeoutError: second did not answer in 10 s.'],
      ['error', 'second: mask rank 4, dtype float16: checked in 3 of 1,200 cases, where 12 are required.'],
    ]);
    expect(run.invocations?.[0].executionSuccessful).toBe(false);
  });

  it('names the rule of each result', () => {
    for (const { ruleId, ruleIndex } of results) expect(run.tool.driver.rules?.[ruleIndex ?? -1].id).toBe(ruleId);
  });

  it('points at the adapter where the backend has one', () => {
    const places = results.map(({ locations }) => locations?.[0].physicalLocation?.artifactLocation?.uri);
    expect(places).toEqual(['broadcast-bug.ts', 'broadcast-bug.ts', undefined, undefined]);
  });

  it('calls the same law on the same backend the same finding, whatever the case', () => {
    const report = wholeReport();
    const outcomes = report.outcomes.map((outcome) => ({
      ...outcome,
      ...(outcome.counterexample && { counterexample: { ...outcome.counterexample, seed: 1, path: '9' } }),
    }));
    const again = reportToSarif({ ...report, outcomes }, { root }).runs[0].results ?? [];
    const prints = results.map(({ partialFingerprints }) => partialFingerprints);
    expect(again.map(({ partialFingerprints }) => partialFingerprints)).toEqual(prints);
    expect(new Set(prints.map((print) => JSON.stringify(print))).size).toBe(4);
  });
});
