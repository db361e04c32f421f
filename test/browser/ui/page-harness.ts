import type { App } from '../../../src/ui/components/app.ts';
import '../../../src/ui/components/app.ts';
import '../../../src/ui/teach/components/teach-view.ts';
import { peerStates, viewOf } from '../gallery/peer-states.ts';
import { sampleUrls, showOf } from '../gallery/show-states.ts';

/** Text of an element and of all shadow roots below it, as a reader meets it. */
export function textOf(node: Node): string {
  if (node instanceof Text) return node.data;
  if (node instanceof HTMLStyleElement) return '';
  if (node instanceof HTMLSlotElement) return node.assignedNodes().map(textOf).join('');
  const inside = node instanceof Element && node.shadowRoot ? node.shadowRoot : node;
  return [...inside.childNodes].map(textOf).join('').replaceAll(/\s+/g, ' ');
}

export async function settle(node: ParentNode): Promise<void> {
  for (const element of node.querySelectorAll('*')) {
    if ('updateComplete' in element) await element.updateComplete;
    if (element.shadowRoot) await settle(element.shadowRoot);
  }
}

/** A state of the gallery, in its view. */
export async function show(name: string): Promise<App> {
  const app = document.createElement('pt-app');
  const state = peerStates.get(name)!;
  app.state = state;
  app.view = viewOf(name);
  app.samples = sampleUrls;
  // Before that it is not in the room.
  if (state.view === 'room' && state.self !== undefined) app.show = showOf(name);
  document.body.append(app);
  await settle(document.body);
  return app;
}

export function deepQuery<Found extends Element>(root: ParentNode, selector: string): Found | undefined {
  for (const element of root.querySelectorAll('*')) {
    if (element.matches(selector)) return element as Found;
    const found = element.shadowRoot ? deepQuery<Found>(element.shadowRoot, selector) : undefined;
    if (found) return found;
  }
  return undefined;
}
