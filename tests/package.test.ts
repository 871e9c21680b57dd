import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A project of somebody else's, with maskproof installed from its tarball. */
let project: string;
const root = join(__dirname, '..');
const run = (command: string, args: readonly string[], cwd = project) =>
  spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, LANG: 'C.UTF-8', NO_COLOR: '1' } });

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'maskproof-user-'));
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'pipe' });
  execFileSync('npm', ['pack', '--silent', '--pack-destination', project], { cwd: root, stdio: 'pipe' });
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  const install = run('npm', [
    'install',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    `./${tarball}`,
  ]);
  if (install.status !== 0) throw new Error(`npm install of the tarball failed: ${install.stderr}`);
  mkdirSync(join(project, 'kernels'));
  for (const name of ['attention.ts', 'plain.ts', 'boolean-added.ts'])
    cpSync(join(root, 'examples', name), join(project, 'kernels', name));
}, 300_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('maskproof installed from its tarball', () => {
  it('brings neither TensorFlow.js nor ONNX Runtime unasked', () => {
    expect(readdirSync(join(project, 'node_modules'))).not.toContain('onnxruntime-node');
    expect(readdirSync(join(project, 'node_modules'))).not.toContain('@tensorflow');
  });

  it('verifies an adapter of a package of ES modules, type-checked and without a build step', () => {
    const { status, stdout } = run('npx', [
      'maskproof',
      'fuzz',
      '--backend',
      './kernels/plain.ts',
      '--runs',
      '5',
      '--seed',
      '1',
    ]);
    expect(stdout).toContain('0 violated');
    expect(status).toBe(0);
  });

  it('corners the first bug', () => {
    const args = [
      'maskproof',
      'fuzz',
      '--backend',
      './kernels/boolean-added.ts',
      '--property',
      'forms/boolean-equals-additive',
      '--seed',
      '1',
    ];
    const { status, stdout } = run('npx', args);
    expect(stdout).toContain('◉ dropped by the mask, yet used');
    expect(status).toBe(1);
  });

  it('says which package the built-in engines need', () => {
    const { status, stderr, stdout } = run('npx', ['maskproof', 'fuzz', '--backend', 'onnxruntime', '--runs', '1']);
    expect(stdout + stderr).toContain('npm install --save-dev onnxruntime-node');
    expect(status).toBe(3);
  });

  it('has types and a library call', () => {
    writeFileSync(
      join(project, 'use.mts'),
      `import { attentionCase, assertBackend, checkBackend, type Backend } from 'maskproof';
import { defineBackend } from 'maskproof/backend';
import { properties } from 'maskproof/properties';
const backend: Backend = defineBackend({ name: 'nothing', supports: {}, open: () => ({ attend: (cases) => cases.map((c) => ({ output: c.query })) }) });
const report = await checkBackend(backend, { runs: 3, seed: 1, properties: properties.filter((p) => p.id === 'numerics/agrees-with-reference') });
const thrown = await assertBackend(backend, { runs: 3, seed: 1 }).then(() => '', (e: Error) => e.message);
console.log(report.outcomes[0]?.status, thrown.includes('nothing: '), typeof attentionCase({ maxBatch: 1 }).generate);
`,
    );
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: { module: 'nodenext', target: 'es2022', strict: true, types: ['node'], outDir: 'out' },
        files: ['use.mts'],
      }),
    );
    const compiled = run('npx', ['tsc', '-p', 'tsconfig.json']);
    expect(compiled.stdout).toBe('');
    expect(run('node', ['out/use.mjs']).stdout.trim()).toBe('violated true function');
  });

  it('gives a start that holds', () => {
    const start = join(project, 'start');
    mkdirSync(start);
    expect(run('npx', ['maskproof', 'init'], start).status).toBe(0);
    const adapter = readdirSync(start).find((name) => name.endsWith('.ts') && !name.includes('config'));
    expect(run('npx', ['maskproof', 'fuzz', '--backend', `./${adapter}`, '--runs', '3'], start).status).toBe(0);
  });
});
