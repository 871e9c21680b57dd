import { describe, expect, it } from 'vitest';
import { properties } from '../../../properties/index';
import { loadBackend } from '../../../src/backends/load';
import { openReference } from '../../../src/engine/reference';
import { runSuite } from '../../../src/engine/run-suite';
import { reportText } from '../../../src/report/json';
import { reportErrors } from '../../support/schemas';
import { hostileReport, wholeReport } from './sample';

describe('the JSON Schema of a report', () => {
  it('holds of a report with everything in it', () => {
    expect(reportErrors(reportText(wholeReport(), [{ name: 'absent', reason: 'is not installed' }]))).toEqual([]);
  });

  it('holds of a report of hostile texts', () => {
    expect(reportErrors(reportText(hostileReport(10_000)))).toEqual([]);
  });

  it('holds of a run', async () => {
    const reference = await openReference('oracle');
    const backends = await Promise.all(
      ['examples/boolean-added.ts', 'oracle'].map((spec) => loadBackend(spec, { check: false })),
    );
    const report = await runSuite({ backends, properties, seed: 3, runs: 5, reference });
    expect(report.outcomes.some(({ status }) => status === 'violated')).toBe(true);
    expect(reportErrors(reportText(report))).toEqual([]);
  });

  it('refuses what is no report', () => {
    const report = JSON.parse(reportText(wholeReport())) as Record<string, unknown>;
    expect(reportErrors(JSON.stringify({ ...report, seed: -1 }))).not.toEqual([]);
    expect(reportErrors(JSON.stringify({ ...report, outcomes: [{ status: 'violated' }] }))).not.toEqual([]);
  });
});
