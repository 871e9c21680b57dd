/** Regenerates what README.md says of itself: `npm run docs` writes it, a test fails where it is stale. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { properties } from '../properties';

const root = join(__dirname, '..');

/** Runs a command of ours as a user would, and gives what it prints, the time it took left out. */
function maskproof(...args: readonly string[]): string {
  const { stdout } = spawnSync(process.execPath, [join(root, 'bin', 'maskproof.js'), ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, LANG: 'C.UTF-8', NO_COLOR: '1' },
  });
  return stdout.trimEnd();
}

/** The finding alone, from its mark to the line that replays it. */
function firstBug(): string {
  const args = [
    'fuzz',
    '--backend',
    'examples/boolean-added.ts',
    '--property',
    'forms/boolean-equals-additive',
    '--seed',
    '1',
  ];
  const printed = maskproof(...args);
  const finding = printed.slice(
    printed.indexOf('✖ forms/boolean-equals-additive  on'),
    printed.indexOf('\n\nNot checked'),
  );
  return ['```', `$ npx maskproof ${args.join(' ')}`, '', finding.trimEnd(), '```'].join('\n');
}

const adapter = (): string =>
  ['```ts', readFileSync(join(root, 'examples', 'plain.ts'), 'utf8').trimEnd(), '```'].join('\n');

function propertyTable(): string {
  const rows = properties.map(({ id, statement, compares }) => `| \`${id}\` | ${statement} | ${compares} |`);
  return ['| law | what it says | compared |', '|---|---|---|', ...rows].join('\n');
}

const sections: Readonly<Record<string, () => string>> = { 'first-bug': firstBug, adapter, properties: propertyTable };

/** A page with everything between `<!-- generated: name -->` and `<!-- end -->` made anew. */
export function regenerated(page: string): string {
  return page.replaceAll(
    /<!-- generated: ([\w-]+) -->\n[^]*?<!-- end -->/g,
    (_, name: string) => `<!-- generated: ${name} -->\n${sections[name]()}\n<!-- end -->`,
  );
}

if (require.main === module) {
  const file = join(root, 'README.md');
  writeFileSync(file, regenerated(readFileSync(file, 'utf8')));
}
