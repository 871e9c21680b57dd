import Ajv from 'ajv/dist/2020';
import { describe, expect, it } from 'vitest';
import { properties } from '../../../properties/index';
import { loadBackend } from '../../../src/backends/load';
import { openReference } from '../../../src/engine/reference';
import { runSuite } from '../../../src/engine/run-suite';
import { reportText } from '../../../src/report/json';
import schema from '../../../src/report/schema/report.schema.json';
import { hostileReport, wholeReport } from './sample';

/** The schema with every list of fields closed: what a report holds and the schema does not tell is an error here. */
function closed(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(closed);
  if (typeof part !== 'object' || part === null) return part;
  const fields = Object.entries(part).map(([name, value]) => [name, closed(value)]);
  const isList = 'type' in part && part.type === 'object' && 'properties' in part;
  return { ...(Object.fromEntries(fields) as object), ...(isList && { additionalProperties: false }) };
}

const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false });
const validate = ajv.compile(closed(schema) as object);
const errorsOf = (text: string) => {
  validate(JSON.parse(text));
  return validate.errors ?? [];
};

describe('the JSON Schema of a report', () => {
  it('holds of a report with everything in it', () => {
    expect(errorsOf(reportText(wholeReport(), [{ name: 'absent', reason: 'is not installed' }]))).toEqual([]);
  });

  it('holds of a report of hostile texts', () => {
    expect(errorsOf(reportText(hostileReport(10_000)))).toEqual([]);
  });

  it('holds of a run', async () => {
    const reference = await openReference('oracle');
    const backends = await Promise.all(
      ['examples/boolean-added.ts', 'oracle'].map((spec) => loadBackend(spec, { check: false })),
    );
    const report = await runSuite({ backends, properties, seed: 3, runs: 5, reference });
    expect(report.outcomes.some(({ status }) => status === 'violated')).toBe(true);
    expect(errorsOf(reportText(report))).toEqual([]);
  });

  it('refuses what is no report', () => {
    const report = JSON.parse(reportText(wholeReport())) as Record<string, unknown>;
    expect(errorsOf(JSON.stringify({ ...report, seed: -1 }))).not.toEqual([]);
    expect(errorsOf(JSON.stringify({ ...report, outcomes: [{ status: 'violated' }] }))).not.toEqual([]);
  });
});
