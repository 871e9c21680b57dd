/** Makes `require` take adapters in TypeScript, without a build step, whatever their package.json and tsconfig say. */
import { existsSync } from 'node:fs';
import Module from 'node:module';
import { dirname, join, parse, relative } from 'node:path';

/** The folder of maskproof's own package.json, and that of the code that runs: the same in a checkout, dist/ in an installed package. */
const codeRoot = dirname(dirname(__dirname));
const inCheckout = existsSync(join(codeRoot, 'package.json'));

/** What `import ... from 'maskproof/backend'` means for an adapter, wherever it lies: the maskproof that loads it. */
const own: Readonly<Record<string, string>> = {
  maskproof: join(codeRoot, 'src', 'index'),
  'maskproof/backend': join(codeRoot, 'src', 'backend'),
  'maskproof/properties': join(codeRoot, 'properties', 'index'),
};

let taken: { check: boolean } | undefined;

/** Registers ts-node once; `check` of the first call counts. Type errors are thrown by `require` as TSError. */
export function takeTypeScript({ check }: { readonly check: boolean }): void {
  if (taken) return;
  taken = { check };
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the compiler takes half a second to load, and only adapters in TypeScript need it
  const tsNode = require('ts-node') as typeof import('ts-node');
  // Patterns are relative to this folder, and adapters may lie anywhere.
  const cwd = parse(process.cwd()).root;
  const ownFolders = ['src', 'reference', 'properties'];
  // Our own sources, in a checkout, are compiled by a ts-node of their own and not type-checked again; bin/maskproof.js has started it already.
  if (inCheckout && !(tsNode.REGISTER_INSTANCE in process))
    tsNode.register({
      transpileOnly: true,
      project: join(codeRoot, 'tsconfig.json'),
      ignore: [`^(?!(?:${ownFolders.join('|')})/)`],
    });
  tsNode.register({
    cwd,
    skipProject: true,
    transpileOnly: !check,
    moduleTypes: { '/**/*': 'cjs', '/**/.*/**/*': 'cjs' },
    experimentalResolver: true,
    ignore: [
      String.raw`(?:^|/)node_modules/`,
      ...(inCheckout ? ownFolders.map((folder) => `^${escaped(relative(cwd, join(codeRoot, folder)))}/`) : []),
    ],
    compilerOptions: {
      target: 'es2022',
      lib: ['es2023'],
      module: 'commonjs',
      moduleResolution: 'bundler',
      esModuleInterop: true,
      resolveJsonModule: true,
      allowImportingTsExtensions: false,
      skipLibCheck: true,
      strict: false,
      typeRoots: [dirname(dirname(require.resolve('@types/node/package.json')))],
      types: ['node'],
      paths: Object.fromEntries(
        Object.entries(own).map(([name, file]) => [name, [inCheckout ? `${file}.ts` : `${file}.d.ts`]]),
      ),
    },
  });
  resolveOwnName();
}

/** An adapter need not have maskproof in a node_modules of its own. */
function resolveOwnName(): void {
  type Resolve = (request: string, ...rest: unknown[]) => string;
  const loader = Module as unknown as { _resolveFilename: Resolve };
  const usual = loader._resolveFilename;
  loader._resolveFilename = function (this: unknown, request, ...rest) {
    return usual.call(this, own[request] ?? request, ...rest);
  };
}

const escaped = (path: string): string => path.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
