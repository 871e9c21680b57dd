'use strict';
/** What --jobs starts a thread with. */
const { requireSource } = require('./source.js');

module.exports = requireSource('engine', 'thread').performInThread;
