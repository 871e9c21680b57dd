/** This package's version, from its package.json: beside the source in a checkout, above dist/ when installed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export function packageRoot(): string {
  const beside = join(__dirname, '..');
  return existsSync(join(beside, 'package.json')) ? beside : join(beside, '..');
}

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return version;
}
