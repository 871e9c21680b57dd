#!/usr/bin/env node
'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const source = join(root, 'src', 'cli', 'main.ts');

/** A checkout runs its source, an installed package what was built from it. */
function commandLine() {
  if (!existsSync(source)) return require(join(root, 'dist', 'src', 'cli', 'main.js'));
  // Adapters are compiled by a ts-node of their own, type-checked; this one leaves everything else alone.
  const ignore = ['^(?!(?:src|reference|properties)/)'];
  require('ts-node').register({
    transpileOnly: true,
    transpiler: join(__dirname, 'cached-transpiler.js'),
    project: join(root, 'tsconfig.json'),
    ignore,
  });
  return require(source);
}

void commandLine().runProcess();
