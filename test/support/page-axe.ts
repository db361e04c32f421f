import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type axe from 'axe-core';
import type { Page } from 'puppeteer-core';

const source = fileURLToPath(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url));

/** What breaks the accessibility rules on a live page, with the elements that do. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // Past the page's own policy, which forbids scripts from elsewhere.
  await page.evaluate(await readFile(source, 'utf8'));
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
  });
}
