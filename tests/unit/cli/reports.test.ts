import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reportFiles, writeReports } from '../../../src/cli/reports';
import { reportText } from '../../../src/report/json';
import { wholeReport } from '../report/sample';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maskproof-reports-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function ioOf(env: NodeJS.ProcessEnv = {}) {
  const written = { out: '', err: '' };
  const io = { out: (text: string) => (written.out += text), err: (text: string) => (written.err += text), env };
  return { io, written };
}
const context = { leftOut: [], fileOf: () => undefined };
const at = (name: string) => join(folder, name);

describe('the reports that are files', () => {
  it('are those that were asked for, but for JSON on standard output', () => {
    expect(reportFiles({ json: '-', html: 'a.html' })).toEqual([{ flag: '--html', kind: 'html', file: 'a.html' }]);
  });

  it('are all written', () => {
    const { io, written } = ioOf();
    const files = { json: at('r.json'), junit: at('r.xml'), sarif: at('r.sarif'), html: at('r.html') };
    writeReports(files, wholeReport(), context, io);
    expect(readdirSync(folder).sort()).toEqual(['r.html', 'r.json', 'r.sarif', 'r.xml']);
    expect(readFileSync(files.json, 'utf8')).toBe(reportText(wholeReport()));
    expect(written).toEqual({ out: '', err: '' });
  });

  it('leave JSON to standard output where it is asked for there', () => {
    const { io, written } = ioOf();
    writeReports({ json: '-' }, wholeReport(), context, io);
    expect(written.out).toBe(reportText(wholeReport()));
  });

  it('are written even where one of them cannot be', () => {
    mkdirSync(at('taken'));
    const { io } = ioOf();
    const write = () => writeReports({ junit: at('taken'), html: at('r.html') }, wholeReport(), context, io);
    expect(write).toThrow(/^--junit .*taken could not be written: E/);
    expect(readdirSync(folder).sort()).toEqual(['r.html', 'taken']);
  });
});

describe('GitHub', () => {
  it('is told on standard error and in the summary of the job, after what stands there', () => {
    const summary = at('summary.md');
    const { io, written } = ioOf({ GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary });
    writeReports({}, wholeReport(), context, io);
    writeReports({}, wholeReport(), context, io);
    expect(written.out).toBe('');
    expect(written.err).toMatch(/^::error /);
    expect(readFileSync(summary, 'utf8').split('<h2>maskproof').length - 1).toBe(2);
  });
});
