import axe from 'axe-core';
import { expect } from 'chai';
import theme from '../../../src/ui/theme.css?inline';
import type { App } from '../../../src/ui/components/app.ts';
import '../../../src/ui/components/app.ts';
import { peerStates } from '../gallery/peer-states.ts';

/** Text of an element and of all shadow roots below it, as a reader meets it. */
function textOf(node: Node): string {
  if (node instanceof Text) return node.data;
  if (node instanceof HTMLStyleElement) return '';
  const inside = node instanceof Element && node.shadowRoot ? node.shadowRoot : node;
  return [...inside.childNodes].map(textOf).join('').replaceAll(/\s+/g, ' ');
}

async function settle(node: ParentNode): Promise<void> {
  for (const element of node.querySelectorAll('*')) {
    if ('updateComplete' in element) await element.updateComplete;
    if (element.shadowRoot) await settle(element.shadowRoot);
  }
}

async function show(name: string): Promise<App> {
  const app = document.createElement('pt-app');
  app.state = peerStates.get(name)!;
  document.body.append(app);
  await settle(document.body);
  return app;
}

function deepQuery<Found extends Element>(root: ParentNode, selector: string): Found | undefined {
  for (const element of root.querySelectorAll('*')) {
    if (element.matches(selector)) return element as Found;
    const found = element.shadowRoot ? deepQuery<Found>(element.shadowRoot, selector) : undefined;
    if (found) return found;
  }
  return undefined;
}

describe('the page', () => {
  before(() => {
    document.documentElement.lang = 'en';
    document.title = 'Peerceptron';
  });
  // The browser's own preference cannot be set from within the page, so the dark half is made to hold always.
  const themes = { light: theme, dark: theme.replace('(prefers-color-scheme: dark)', 'all') };
  const sheet = new CSSStyleSheet();
  before(() => document.adoptedStyleSheets.push(sheet));
  beforeEach(() => sheet.replaceSync(themes.light));
  after(() => document.adoptedStyleSheets.splice(document.adoptedStyleSheets.indexOf(sheet), 1));
  afterEach(() => document.querySelectorAll('pt-app').forEach((app) => app.remove()));

  const expected: Record<string, readonly string[]> = {
    'no-room': ['No room yet', 'Create a room'],
    'invalid-link': ['ROOM_LINK_INVALID', 'has no dot', 'Create a room'],
    'room-created': ['Your room is ready', 'Enter the room'],
    starting: ['Getting this device ready', 'Not in the room yet', 'testing…'],
    connecting: ['Connecting to the room', 'tfjs-wasm'],
    alone: ['waiting for other devices', 'Nobody else is here', '2 GB', '555555', 'kept awake'],
    'plain-http': ['Missing in this browser', 'Threads:', 'Wake lock:', '500 MB'],
    unconnected: ['ready to compute', '1 other device here. Connections are made'],
    connected: [
      'ready to compute',
      '4 other devices here, 2 connected',
      'Raspberry Pi 4',
      'does not compute',
    ],
    loading: [
      'vgg16',
      'Loading the weights of its part',
      '31 MB of 59 MB',
      '5.1 MB/s, 5 s left',
      '1 of 3 tiles ready',
    ],
    warming: ['Computing random weights for its part', '59 MB of 59 MB', 'Warming up', '2 of 3 tiles ready'],
    working: [
      'Computing vgg16',
      'block1_conv1 to block2_pool',
      'ops 1–10 of 38',
      'rows 14–27, columns 0–55, channels 0–127',
      'op 34 of 38',
      'units 1024–2047',
    ],
    trying: ['Try it', 'Loading weights…', '310 kB of 840 kB'],
    'trying-alone': [
      'Reading one picture',
      'This device computes. Open the room link on more devices',
      '98 %',
    ],
    tried: [
      '2 of 3 devices: this device and Raspberry Pi 4 in the kitchen compute.',
      'Expected to be 1.4 × as fast',
      'One picture 3.4 ms 4.1 ms',
      'Pictures per second, 3 at once 412 371',
      'Pi 3: in the best plan with Pi 3',
      'LINK_NO_ROUTE',
      '11 of 12 right',
      'wrong',
      'Once more',
    ],
    'tried-solo': [
      '1 of 2 devices: this device computes. For so small',
      'Raspberry Pi 4 in the kitchen: in the best',
      '833 –',
    ],
    'try-failed': ['FRAME_TIMEOUT', 'Press the button again'],
    'unreachable-peer': ['not reachable', 'LINK_NO_ROUTE', 'guest Wi-Fi'],
    problems: ['What went wrong lately', 'PLAN_MEMORY', 'What to do:'],
    lost: ['Connection to the room lost', 'SIGNALING_LOST'],
    'no-engine': ['cannot take part', 'ENGINE_UNAVAILABLE', 'no adapter was found'],
    stopped: ['This page has stopped', 'ROOM_FULL', 'Reload'],
  };

  it('differs between light and dark', async () => {
    const app = await show('no-room');
    const colour = () => getComputedStyle(app).color;
    const light = colour();
    sheet.replaceSync(themes.dark);
    expect(colour()).to.not.equal(light);
  });

  it('has an expectation for every state', () => {
    expect(Object.keys(expected).sort()).to.deep.equal([...peerStates.keys()].sort());
  });

  for (const [name, texts] of Object.entries(expected)) {
    it(`shows “${name}” in words, and passes the accessibility rules`, async () => {
      const app = await show(name);
      const text = textOf(app);
      for (const part of texts) expect(text).to.include(part);
      for (const scheme of ['light', 'dark'] as const) {
        sheet.replaceSync(themes[scheme]);
        const { violations } = await axe.run(app);
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
        expect(told, scheme).to.deep.equal([]);
      }
    });

    it(`does not overflow a phone in “${name}”`, async () => {
      const app = await show(name);
      app.style.width = '360px';
      await settle(document.body);
      expect(app.scrollWidth).to.be.at.most(360);
    });
  }

  it('asks for a new room once per click', async () => {
    const app = await show('no-room');
    let asked = 0;
    app.addEventListener('create-room', () => asked++);
    deepQuery<HTMLButtonElement>(document.body, 'button')!.click();
    expect(asked).to.equal(1);
  });

  it('asks the room once per press, and not while it is under way or this device is not there', async () => {
    const asked = async (name: string): Promise<number> => {
      const app = await show(name);
      let count = 0;
      app.addEventListener('try-room', () => count++);
      deepQuery<HTMLButtonElement>(deepQuery(app.shadowRoot!, 'pt-try')!.shadowRoot!, 'button')!.click();
      return count;
    };
    expect(await asked('alone')).to.equal(1);
    expect(await asked('tried')).to.equal(1);
    expect(await asked('trying')).to.equal(0);
    expect(await asked('starting')).to.equal(0);
    expect(await asked('no-engine')).to.equal(0);
  });

  it('announces the headline politely', async () => {
    await show('working');
    const status = deepQuery(document.body, '[role="status"][aria-live="polite"]')!;
    expect(textOf(status)).to.include('Computing vgg16');
  });

  it('leads from a created room into it', async () => {
    await show('room-created');
    const state = peerStates.get('room-created')!;
    const link = deepQuery<HTMLAnchorElement>(document.body, 'a.button')!;
    expect(state.view === 'no-room' && state.link).to.equal(link.href);
    const field = deepQuery<HTMLInputElement>(document.body, 'input')!;
    expect(field.value).to.equal(link.href);
    expect(deepQuery(document.body, 'svg[role="img"]')).to.not.equal(undefined);
  });
});
