/**
 * Makes the Python environment that the workers and their tests use: npm run setup:python [-- SET...]
 * A set is a file python/requirements-SET.txt, installed into the environment; or a folder python/requirements-SET/ of such files,
 * each installed into a folder of its own beside the environment, without what it depends on, for PYTHONPATH. Without a name, all of
 * them. What is there already is left alone.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = process.env.MASKPROOF_PYTHON_CACHE ?? join(root, '.cache', 'python');
const environment = join(cache, 'venv');
const python =
  process.platform === 'win32' ? join(environment, 'Scripts', 'python.exe') : join(environment, 'bin', 'python');

const known = readdirSync(join(root, 'python'))
  .map((name) => /^requirements-(.+?)(?:\.txt)?$/.exec(name)?.[1])
  .filter((set) => set !== undefined)
  .sort();
const asked = process.argv.slice(2);
const unknown = asked.filter((set) => !known.includes(set));
if (unknown.length > 0) fail(`There is no set ${unknown[0]}; the sets are ${known.join(', ')}.`);
const partsOf = Object.fromEntries(known.map((set) => [set, readParts(set)]));

const hasUv = spawnSync('uv', ['--version']).status === 0;
if (!existsSync(python)) makeEnvironment();
const missing = (asked.length > 0 ? asked : known).flatMap((set) => partsOf[set].filter((part) => !isInstalled(part)));
// In one go, so that no package is fetched in a version that another set then replaces.
installIntoEnvironment(missing.filter(({ target }) => target === undefined));
for (const part of missing.filter(({ target }) => target !== undefined)) installBeside(part);
console.log(`Ready: ${python}`);

/** What a set consists of: one file for the environment, or several for folders of their own. */
function readParts(set) {
  const path = join(root, 'python', `requirements-${set}`);
  if (!existsSync(path)) return [readPart(set, `${path}.txt`)];
  return readdirSync(path)
    .sort()
    .map((name) => readPart(set, join(path, name), join(cache, set, name.replace(/\.txt$/, ''))));
}

function readPart(set, file, target) {
  const text = readFileSync(file, 'utf8');
  return {
    name: target === undefined ? set : `${set}/${target.slice(dirname(target).length + 1)}`,
    file,
    target,
    mark: target === undefined ? join(environment, `.maskproof-${set}`) : `${target}.installed`,
    hash: createHash('sha256').update(text).digest('hex'),
    pins: text.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
    size: /[\d.]+ [MG]B/.exec(text)?.[0] ?? 'an unknown amount',
  };
}

function isInstalled({ name, mark, hash }) {
  const installed = existsSync(mark) && readFileSync(mark, 'utf8') === hash;
  if (installed) console.log(`${name}: installed already.`);
  return installed;
}

function makeEnvironment() {
  const base = process.env.PYTHON ?? (process.platform === 'win32' ? 'python' : 'python3');
  console.log(`Making ${environment} with ${hasUv ? 'uv' : `${base} -m venv`}.`);
  mkdirSync(dirname(environment), { recursive: true });
  rmSync(environment, { recursive: true, force: true });
  if (hasUv) run('uv', ['venv', '--quiet', environment, ...(process.env.PYTHON ? ['--python', base] : [])]);
  else run(base, ['-m', 'venv', environment]);
}

function installIntoEnvironment(parts) {
  if (parts.length === 0) return;
  for (const part of parts) tell(part);
  // What is pinned in any set stays as it is pinned, whichever set brings it first.
  const pinned = known.flatMap((set) => partsOf[set]).filter(({ target }) => target === undefined);
  install([...parts.flatMap(({ file }) => ['-r', file]), ...pinned.flatMap(({ file }) => ['-c', file])]);
  for (const { mark, hash } of parts) writeFileSync(mark, hash);
}

function installBeside(part) {
  tell(part, ` into ${part.target}`);
  rmSync(part.target, { recursive: true, force: true });
  install(['--no-deps', '--target', part.target, '-r', part.file]);
  writeFileSync(part.mark, part.hash);
}

function tell({ name, pins, size }, where = '') {
  console.log(`${name}: installing ${pins.join(', ')}${where} (about ${size} on disk).`);
}

function install(args) {
  if (hasUv) run('uv', ['pip', 'install', '--quiet', '--python', python, ...args]);
  else run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...args]);
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
