'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');

/** Loads one of our modules: a checkout runs its source, an installed package what was built from it. */
exports.requireSource = (...path) => {
  const source = join(root, 'src', ...path);
  if (!existsSync(`${source}.ts`)) return require(join(root, 'dist', 'src', ...path));
  // Adapters are compiled by a ts-node of their own, type-checked; this one leaves everything else alone.
  const ignore = ['^(?!(?:src|reference|properties)/)'];
  require('ts-node').register({
    transpileOnly: true,
    transpiler: join(__dirname, 'cached-transpiler.js'),
    project: join(root, 'tsconfig.json'),
    ignore,
  });
  return require(`${source}.ts`);
};
