import tseslint from 'typescript-eslint';

/** Which folders a folder may not import from, each with the reason. Data flows one way: arbitraries, cases, session, check, outcome, events, reports. */
const boundaries = [
  {
    files: ['reference/**'],
    patterns: [
      {
        regex: '/(src|properties|tests|bench)/',
        message: 'The definition imports nothing else of ours: it is what all the rest is judged by.',
      },
    ],
  },
  {
    files: ['reference/gpu/**'],
    patterns: [
      {
        regex: '/(src|properties|tests|bench)/',
        message: 'The definition imports nothing else of ours: it is what all the rest is judged by.',
      },
      {
        regex: '(oracle|/row|/masks|/radius)$',
        message: 'Reference and oracle share no attention code: each is the other one’s second opinion.',
      },
    ],
  },
  {
    files: ['src/arbitraries/**'],
    patterns: [
      {
        regex: '/(properties|engine|backends|report|cli|corpus|protocol|compare)/',
        message: 'Arbitraries know cases and nothing of who checks them.',
      },
    ],
  },
  {
    files: ['src/compare/**'],
    patterns: [
      {
        regex: '/(properties|engine|backends|report|cli|corpus|protocol)/',
        message: 'Comparing needs answers and the definition, and no run.',
      },
    ],
  },
  {
    files: ['properties/**'],
    patterns: [
      {
        regex: '/(engine|backends|report|cli|corpus|protocol|tests)/',
        message:
          'A property is plain data and asks through its context: it knows no backend, no reporter and no runner.',
      },
      { regex: '^vitest', message: 'The same list of properties serves the command line and any test runner.' },
    ],
  },
  {
    files: ['src/engine/**'],
    patterns: [{ regex: '/(report|cli)/', message: 'The engine tells events and does not know who listens.' }],
  },
  {
    files: ['src/report/**'],
    patterns: [
      { regex: '/(backends|cli|arbitraries)/', message: 'Reports see events and the reference, never a backend.' },
    ],
  },
  {
    files: ['src/backends/**', 'src/protocol/**', 'src/corpus/**'],
    patterns: [
      { regex: '/(properties|report|cli)/', message: 'Backends, wire and files know nothing of who uses them.' },
    ],
  },
];

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'tests/fixtures/**',
      '.cache/**',
      'examples/worker-rust/**',
      '**/*.js',
      '**/*.mjs',
      '**/*.cjs',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // A backend's promise or value: both are awaited, and an async function without await keeps a contract.
      '@typescript-eslint/require-await': 'off',
    },
  },
  ...boundaries.map(({ files, patterns }) => ({
    files: files.map((folder) => `${folder}/*.ts`),
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  })),
  { files: ['bench/**/*.ts', 'tests/**/*.ts'], rules: { 'no-console': 'off' } },
);
