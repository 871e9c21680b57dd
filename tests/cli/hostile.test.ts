/** A backend that says what does harm where it is read as anything but text, ten megabytes of it: the whole command, every report. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { junitErrors, reportErrors, sarifErrors } from '../support/schemas';
import { adapter, maskproof, type Ran } from './run';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const text = (name: string) => readFileSync(at(name), 'utf8');
let ran: Ran;

beforeAll(async () => {
  const args = ['fuzz', '--backend', adapter('hostile.ts'), '--no-check', '--seed', '1', '--runs', '3'];
  const reports = ['--json', at('r.json'), '--junit', at('r.xml'), '--sarif', at('r.sarif'), '--html', at('r.html')];
  const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: at('summary.md') };
  ran = await maskproof([...args, ...reports, '--corpus', at('corpus')], { env });
}, 60_000);

describe('a hostile backend', () => {
  it('keeps every report to its schema, and short', async () => {
    expect(ran.code).toBe(3);
    expect(await junitErrors(text('r.xml'))).toEqual([]);
    expect(sarifErrors(text('r.sarif'))).toEqual([]);
    expect(reportErrors(text('r.json'))).toEqual([]);
    for (const name of ['r.json', 'r.xml', 'r.sarif', 'r.html', 'summary.md'])
      expect(text(name).length).toBeLessThan(1_500_000);
    expect(ran.stdout.length).toBeLessThan(20_000);
  });

  it('does not reach the terminal, the log of a job or a page', () => {
    const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
    for (const told of [ran.stdout, ran.stderr, text('r.xml'), text('r.html'), text('summary.md')])
      expect(told).not.toMatch(controls);
    // The annotations are ours; no other line is a workflow command.
    for (const line of `${ran.stdout}\n${ran.stderr}`.split('\n'))
      if (/^\s*::/.test(line)) expect(line).toMatch(/^::error file=\S+,line=1,title=/);
    for (const name of ['r.html', 'summary.md', 'r.xml']) expect(text(name)).not.toMatch(/<img|<script>globalThis/);
  });

  it('is refused where its name is too long for a line', async () => {
    const { code, stderr, stdout } = await maskproof([
      'replay',
      '--backend',
      adapter('long-name.ts'),
      '--no-check',
      '--property',
      'rows/mass',
      '--seed',
      '1',
      '--path',
      '0',
    ]);
    expect(stderr + stdout).toContain('its name has 10000000 characters; it has at most 200.');
    expect((stderr + stdout).length).toBeLessThan(2_000);
    expect(code).toBe(3);
  });
});
