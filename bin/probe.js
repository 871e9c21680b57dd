'use strict';
/** What an engine is tried in: a process that may fall over. */
const { requireSource } = require('./source.js');

void requireSource('engine', 'probe-child').main(process.argv.slice(2));
