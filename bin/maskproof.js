#!/usr/bin/env node
'use strict';
const { requireSource } = require('./source.js');

void requireSource('cli', 'main').runProcess();
