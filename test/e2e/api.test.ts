import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const program = join(process.cwd(), '.cache', 'api-example.mjs');
afterAll(() => rmSync(program, { force: true }));

it('the example of docs/api.md runs as it stands there', async () => {
  const page = readFileSync('docs/api.md', 'utf8');
  const example = /```js\n([\s\S]*?)```/.exec(page)![1]!;
  // Inside the package, its own name resolves to its exports.
  writeFileSync(program, `${example}\nprocess.exit(0);\n`);
  const { stdout } = await promisify(execFile)(process.execPath, [program]);
  expect(stdout).toMatch(/^5 [\d.]+ ms\n$/);
});
