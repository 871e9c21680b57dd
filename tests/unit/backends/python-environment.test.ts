import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPython } from '../../../src/backends/python-environment';

const folder = (): string => mkdtempSync(join(tmpdir(), 'maskproof-'));

function program(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
}

/** A project with an active environment, a .venv and uv. */
function surroundings() {
  const project = folder();
  const active = folder();
  const bin = folder();
  program(join(bin, 'uv'));
  return {
    cwd: join(project, 'tests'),
    own: program(join(project, '.venv', 'bin', 'python')),
    activated: program(join(active, 'bin', 'python')),
    env: { PATH: bin, VIRTUAL_ENV: active },
  };
}

describe('the interpreter of a worker', () => {
  it('is the one that --python names, a path from here or a name on PATH', () => {
    expect(findPython('bin/python', surroundings()).command[0]).toMatch(/tests\/bin\/python$/);
    expect(findPython('python3.12', surroundings())).toEqual({
      command: ['python3.12'],
      because: 'given with --python',
    });
  });

  it("is uv's where TL_UV_ACTIVE asks for it", () => {
    const { cwd, env } = surroundings();
    expect(findPython(undefined, { cwd, env: { ...env, TL_UV_ACTIVE: '1' } })).toEqual({
      command: ['uv', 'run', '--active', 'python'],
      because: 'TL_UV_ACTIVE is set',
    });
  });

  it('is that of VIRTUAL_ENV before a .venv above this folder', () => {
    const { cwd, env, activated, own } = surroundings();
    expect(findPython(undefined, { cwd, env }).command).toEqual([activated]);
    expect(findPython(undefined, { cwd, env: { PATH: env.PATH } })).toEqual({
      command: [own],
      because: `of ${dirname(dirname(own))}`,
    });
  });

  it('leaves a VIRTUAL_ENV alone that is not there any more', () => {
    const { cwd, env, own } = surroundings();
    expect(findPython(undefined, { cwd, env: { ...env, VIRTUAL_ENV: '/nowhere' } }).command).toEqual([own]);
  });

  it("is uv's in a project of uv that has no environment yet", () => {
    const { env } = surroundings();
    const cwd = folder();
    writeFileSync(join(cwd, 'uv.lock'), '');
    expect(findPython(undefined, { cwd, env: { PATH: env.PATH } }).command).toEqual([
      'uv',
      'run',
      '--active',
      'python',
    ]);
    expect(findPython(undefined, { cwd, env: { PATH: '' } }).command).not.toContain('uv');
  });

  it.skipIf(spawnSync('uv', ['--version']).status !== 0)('is the active environment, as uv itself has it', () => {
    const cwd = folder();
    const active = join(cwd, 'environment');
    expect(spawnSync('uv', ['venv', '--quiet', active]).status).toBe(0);
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      MASKPROOF_PYTHON: undefined,
      TL_UV_ACTIVE: '1',
      VIRTUAL_ENV: active,
    };
    const [program, ...before] = findPython(undefined, { cwd, env }).command;
    const { stdout } = spawnSync(program, [...before, '-c', 'import sys; print(sys.prefix)'], {
      cwd,
      env,
      encoding: 'utf8',
    });
    expect(realpathSync(stdout.trim())).toBe(realpathSync(active));
  });

  it('is what npm run setup:python made where nothing else is, or the one on PATH', () => {
    const { command, because } = findPython(undefined, { cwd: folder(), env: { PATH: '' } });
    expect([command.length, because]).toEqual([
      1,
      expect.stringMatching(/^(?:made by npm run setup:python|found on PATH)$/),
    ]);
  });

  it('is the one that MASKPROOF_PYTHON names where no flag does', () => {
    const { cwd, env } = surroundings();
    const told = { ...env, MASKPROOF_PYTHON: 'python3.13' };
    expect(findPython(undefined, { cwd, env: told }).command).toEqual(['python3.13']);
    expect(findPython('python3.12', { cwd, env: told }).command).toEqual(['python3.12']);
  });
});
