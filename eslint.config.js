import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const impure = (object, property, message) => ({ object, property, message });

export default tseslint.config(
  { ignores: ['**/*.d.mts', 'dist', 'node_modules', '.cache', 'public', 'kernels'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only (configuration files aside).' },
      ],
      eqeqeq: 'error',
    },
  },
  {
    files: ['*.config.ts', '*.config.js', '*.config.mjs'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    // The pure core: what its result depends on is in its arguments.
    files: ['src/shared/**', 'src/graph/**', 'src/planner/**', 'src/protocol/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        impure('Date', 'now', 'Take a Clock (src/shared/clock.ts).'),
        impure('Math', 'random', 'Take a Random (src/shared/random.ts).'),
        impure('performance', 'now', 'Take a Clock (src/shared/clock.ts).'),
      ],
      'no-restricted-globals': [
        'error',
        'Date',
        'globalThis',
        'setTimeout',
        'setInterval',
        'queueMicrotask',
        'crypto',
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.js', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        module: 'writable',
      },
    },
  },
);
