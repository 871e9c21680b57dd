/**
 * Makes the Python environment that the workers and their tests use: npm run setup:python [-- SET...]
 * A set is a file python/requirements-SET.txt; without a name, all of them. What is there already is left alone.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const environment = join(root, '.cache', 'python', 'venv');
const python =
  process.platform === 'win32' ? join(environment, 'Scripts', 'python.exe') : join(environment, 'bin', 'python');

const known = readdirSync(join(root, 'python'))
  .map((name) => /^requirements-(.+)\.txt$/.exec(name)?.[1])
  .filter((set) => set !== undefined)
  .sort();
const asked = process.argv.slice(2);
const unknown = asked.filter((set) => !known.includes(set));
if (unknown.length > 0) fail(`There is no python/requirements-${unknown[0]}.txt; the sets are ${known.join(', ')}.`);

const hasUv = spawnSync('uv', ['--version']).status === 0;
if (!existsSync(python)) makeEnvironment();
for (const set of asked.length > 0 ? asked : known) install(set);
console.log(`Ready: ${python}`);

function makeEnvironment() {
  const base = process.env.PYTHON ?? (process.platform === 'win32' ? 'python' : 'python3');
  console.log(`Making ${environment} with ${hasUv ? 'uv' : `${base} -m venv`}.`);
  mkdirSync(dirname(environment), { recursive: true });
  rmSync(environment, { recursive: true, force: true });
  if (hasUv) run('uv', ['venv', '--quiet', environment, ...(process.env.PYTHON ? ['--python', base] : [])]);
  else run(base, ['-m', 'venv', environment]);
}

function install(set) {
  const file = join(root, 'python', `requirements-${set}.txt`);
  const text = readFileSync(file, 'utf8');
  const mark = join(environment, `.maskproof-${set}`);
  const hash = createHash('sha256').update(text).digest('hex');
  const pins = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const size = /[\d.]+ [MG]B/.exec(text)?.[0] ?? 'an unknown amount';
  if (existsSync(mark) && readFileSync(mark, 'utf8') === hash) {
    console.log(`${set}: installed already.`);
    return;
  }
  console.log(`${set}: installing ${pins.join(', ')} (about ${size} on disk).`);
  if (hasUv) run('uv', ['pip', 'install', '--quiet', '--python', python, '-r', file]);
  else run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', file]);
  writeFileSync(mark, hash);
}

function run(program, args) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error) fail(`${program} could not be run: ${error.message}`);
  if (status !== 0) fail(`${program} ${args.join(' ')} ended with status ${status}.`);
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
