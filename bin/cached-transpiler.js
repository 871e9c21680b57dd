'use strict';
/**
 * A transpiler for ts-node that keeps what it made: a checkout's commands start in a third of the time.
 * Entries are named for their source, options and compiler, so that none is ever out of date; `.cache/` may be deleted at any time.
 */
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const folder = join(__dirname, '..', '.cache', 'transpiled');

exports.create = ({ service }) => {
  const ts = require('typescript');
  const compilerOptions = { ...service.config.options, sourceMap: true, inlineSources: true };
  const salt = JSON.stringify([ts.version, compilerOptions]);
  return {
    transpile(source, { fileName }) {
      const name = createHash('sha256')
        .update(JSON.stringify([salt, fileName, source]))
        .digest('hex');
      const file = join(folder, `${name}.json`);
      const kept = read(file);
      if (kept !== undefined) return kept;
      const { outputText, sourceMapText } = ts.transpileModule(source, { compilerOptions, fileName });
      write(file, { outputText, sourceMapText });
      return { outputText, sourceMapText };
    },
  };
};

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Beside and renamed, for processes that start together. A checkout that cannot be written to is only slower. */
function write(file, made) {
  try {
    mkdirSync(folder, { recursive: true });
    const beside = `${file}.${process.pid}`;
    writeFileSync(beside, JSON.stringify(made));
    renameSync(beside, file);
  } catch {
    // Nothing is kept.
  }
}
