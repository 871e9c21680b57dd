import { describe, expect, it } from 'vitest';
import { junitText } from '../../../src/report/junit';
import { packageVersion } from '../../../src/version';
import { junitErrors } from '../../support/schemas';
import { outcomeOf, reportOf } from './cases';
import { hostileReport, wholeReport } from './sample';

describe('the JUnit report', () => {
  it('keeps to the schema with everything in it', async () => {
    expect(await junitErrors(junitText(wholeReport()))).toEqual([]);
  });

  it('keeps to the schema without any outcome', async () => {
    expect(await junitErrors(junitText(reportOf([])))).toEqual([]);
  });

  it('stays whole and short whatever a backend says', async () => {
    const text = junitText(hostileReport());
    expect(await junitErrors(text)).toEqual([]);
    expect(text.length).toBeLessThan(100_000);
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\ufffe\uffff]|<script|<img/);
    expect(text).toContain('characters; the first 4,000 are shown.');
  });

  it('counts what fails the run as failures and errors, and what is known as skipped', () => {
    const text = junitText(wholeReport());
    expect(text).toContain('<testsuites name="maskproof" tests="9" failures="4" errors="2" skipped="2" time="1.250">');
    expect(text).toContain('<testsuite name="second" tests="4" failures="1" errors="2" skipped="1"');
    expect(text).toContain('<skipped message="known to fail: A row without a key gives NaN."/>');
    expect(text).toContain('type="known_failure_holds"');
    expect(text).toContain('<failure message="mask rank 4, dtype float16: checked in 3 of 1,200 cases');
  });

  it('shows the picture and the line that shows it again', () => {
    const text = junitText(wholeReport(), ({ property }) =>
      property === 'padding/no-influence' ? 'corpus/found.json' : undefined,
    );
    expect(text).toContain('      q0  ■  ◉');
    expect(text).toContain('Again: npx maskproof replay corpus/found.json --backend ./broadcast-bug.ts');
    expect(text).toContain(
      'Again: npx maskproof replay --backend ./broadcast-bug.ts --property forms/finite-bias --seed',
    );
  });

  it('is what it was', () => {
    const outcome = outcomeOf({ status: 'skipped', cases: 0, reason: 'does not declare padding' });
    expect(junitText(reportOf([outcome])).replaceAll(packageVersion(), 'VERSION')).toMatchInlineSnapshot(`
      "<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="maskproof" tests="1" failures="0" errors="0" skipped="1" time="1.250">
        <testsuite name="broadcast-bug" tests="1" failures="0" errors="0" skipped="1" time="0.250">
          <properties>
            <property name="maskproof" value="VERSION"/>
            <property name="seed" value="7"/>
            <property name="reference" value="oracle, float64"/>
            <property name="spec" value="./broadcast-bug.ts"/>
            <property name="version of kernel" value="1.2.3"/>
          </properties>
          <testcase name="padding/no-influence" classname="broadcast-bug.padding" time="0.250">
            <skipped message="does not declare padding"/>
          </testcase>
        </testsuite>
      </testsuites>
      "
    `);
  });
});
