import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../../src/shared/errors.ts';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [heading, ...body] = section.split('\n');
      return [heading!.replaceAll('`', '').trim(), body.join('\n').split(/^## /m)[0]!] as const;
    }),
);

describe('docs/errors.md', () => {
  it('documents every code, and no other', () => {
    expect([...sections.keys()].sort()).toEqual([...ERROR_CODES].sort());
  });

  it('has one section per code', () => {
    expect(page.match(/^### /gm)).toHaveLength(ERROR_CODES.length);
  });

  it.each(ERROR_CODES)('%s says when it happens and what to do', (code) => {
    const section = sections.get(code) ?? '';
    expect(section).toMatch(/\S.{30}/);
    expect(section).toMatch(/^\*\*What to do:\*\* \S.{10}/m);
  });
});
