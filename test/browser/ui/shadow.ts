/** Text of an element and of all shadow roots below it, as a reader meets it. */
export function textOf(node: Node): string {
  if (node instanceof Text) return node.data;
  if (node instanceof HTMLStyleElement) return '';
  const inside = node instanceof Element && node.shadowRoot ? node.shadowRoot : node;
  return [...inside.childNodes].map(textOf).join('').replaceAll(/\s+/g, ' ');
}

/** Waits until every element in it, shadow roots included, has rendered. */
export async function settled(node: ParentNode): Promise<void> {
  for (const element of node.querySelectorAll('*')) {
    if ('updateComplete' in element) await element.updateComplete;
    if (element.shadowRoot) await settled(element.shadowRoot);
  }
}

/** All that match, in the order of the page, shadow roots included. */
export function deepAll<Found extends Element>(root: ParentNode, selector: string): Found[] {
  return [...root.querySelectorAll('*')].flatMap((element) => [
    ...(element.matches(selector) ? [element as Found] : []),
    ...(element.shadowRoot ? deepAll<Found>(element.shadowRoot, selector) : []),
  ]);
}

export function deepOne<Found extends Element>(root: ParentNode, selector: string): Found {
  const [found] = deepAll<Found>(root, selector);
  if (!found) throw new Error(`there is no ${selector}`);
  return found;
}

/** Resolves when it holds; looks again after every repaint. The runner's own time-out ends what never holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => requestAnimationFrame(resolve));
}
