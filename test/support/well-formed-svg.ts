/** Elements that are opened and not closed, or the other way round; empty for a document that is well formed. */
export function unbalanced(svg: string): string[] {
  const open: string[] = [];
  for (const [, closing, name, selfClosing] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (selfClosing) continue;
    if (!closing) open.push(name!);
    else if (open.pop() !== name) return [name!];
  }
  return open;
}
