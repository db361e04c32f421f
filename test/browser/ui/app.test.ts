import axe from 'axe-core';
import { expect } from 'chai';
import theme from '../../../src/ui/theme.css?inline';
import { peerStates } from '../gallery/peer-states.ts';
import { deepQuery, settle, show, textOf } from './page-harness.ts';

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
    starting: ['Getting this device ready', 'Not in the room yet', 'Demo', 'Mesh', 'This device'],
    connecting: ['Connecting to the room'],
    alone: ['waiting for other devices', 'Nobody else is here'],
    'plain-http': ['waiting for other devices'],
    unconnected: ['ready to compute', '1 other device here. Connections are made'],
    connected: ['ready to compute', '4 other devices here, 2 connected'],
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
      'This device does ops 1–10 and 34 of vgg16, 31 % of the work.',
    ],
    problems: ['What went wrong lately', 'PLAN_MEMORY', 'What to do:'],
    lost: ['Connection to the room lost', 'SIGNALING_LOST'],
    'no-engine': ['cannot take part', 'ENGINE_UNAVAILABLE'],
    mesh: [
      '6 devices',
      'Raspberry Pi 4 in the kitchen',
      '94 % busy',
      '8 frames/s',
      'ops 5–14 of alexnet (41 % of the work)',
      '1.2 MB/s to Raspberry Pi 4 in the kitchen',
      'gives 50 %',
      'battery 64 %',
      'battery 91 %, charging',
      'link by way of a relay',
      'set aside after a failure',
      'has left',
      'Old tablet has failed: plans do without it for a while.',
      'Device 999999 has left.',
    ],
    'mesh-alone': ['1 device', 'No other device yet'],
    'mesh-of-30': ['30 devices', 'Raspberry Pi 29'],
    'mesh-unreachable': ['not reachable', 'LINK_NO_ROUTE', 'guest Wi-Fi', 'does not compute'],
    'network-none': ['No network is spread over devices now'],
    network: [
      'The network alexnet',
      'conv2',
      'Raspberry Pi 4 in the kitchen: rows 0–',
      'channels 0–191',
      'of weights',
      'measured',
      'Another plan',
      'Nothing changes until then',
    ],
    'network-served': ['The network alexnet', 'look there', 'This device does'],
    'network-preview': ['1.39 × as good', 'Frames per second, expected 8.2 11', 'Use this plan', '188 ms'],
    'frames-none': ['Frames are recorded by the device that asks'],
    frames: [
      'took most of it',
      'computing on Laptop',
      'The rate is bounded by computing on Laptop, busy',
      'Download trace',
      'frame 6',
      'As a table',
      'waiting',
    ],
    device: [
      '2.1 billion multiply-accumulates per second, measured',
      '2 GB offered',
      'direct to 3 devices; by way of a relay to 1 device',
      'Battery 73 %',
      'kept awake',
      'no adapter was found',
      'Share of the processor',
      'Leave the room',
      '555555',
    ],
    'device-plain-http': [
      'Missing in this browser',
      'Https:',
      'How to do that',
      'Threads:',
      'Wake lock:',
      '500 MB',
      'plain http',
    ],
    'device-starting': ['testing…', 'not measured yet'],
    'device-resting': ['Paused, computing nothing', 'Resting until the battery is charged', 'Pause'],
    'device-no-engine': ['none works here', 'no adapter was found'],
    leaving: ['Leaving the room'],
    left: ['This device has left the room', 'It computed 42 frames', 'Join again'],
    stopped: ['This page has stopped', 'ROOM_FULL', 'Reload'],
    'demo-camera': [
      'Show it to the room',
      '5 96 %',
      'Back camera',
      '2 of 3 devices: this device and Raspberry Pi 4 in the kitchen compute.',
      'Expected to be 1.4 × as fast',
      'One picture 38 ms 45 ms',
      'Pictures per second, 3 at once 41 37',
      'Pi 3: in the best plan with Pi 3',
      'LINK_NO_ROUTE',
      'Network: digits',
    ],
    'demo-alone': ['This device computes. Open the room link on more devices', 'One picture 21 ms 24 ms'],
    'demo-loading': ['Loading weights…', '310 kB of 840 kB', 'Nothing is planned yet'],
    'demo-gone': [
      'Raspberry Pi 4 in the kitchen has gone: the room goes on without it.',
      '1 of 2 devices: this device computes.',
      '5 96 %',
    ],
    'demo-random': ['Random weights: a test, the answers mean nothing', 'class 411', '15 billion'],
    'demo-camera-refused': [
      'no camera to a page that came by plain http',
      'serve --https',
      'What to do:',
      'How to do that',
    ],
    'demo-failed': ['PLAN_MEMORY', '553 MB', 'Try again'],
    teach: ['Teach it your own things', 'mug 89 %', 'book 11 %', '24 examples', '31 examples', 'Save'],
    'teach-empty': ['Show it something first', '0 examples', 'hold the space bar'],
    'teach-holding': ['Collecting…', '12 examples', '1 example', 'Remove'],
    'teach-other-file': ['These examples are of another network', 'mobilenet'],
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

  it('is asked to show something as soon as this device is in the room, and not before', async () => {
    const wished = async (name: string): Promise<number> => {
      const app = await show(name);
      let count = 0;
      if (app.show) app.show = { ...app.show, demo: { ...app.show.demo, chooseSource: () => count++ } };
      await settle(document.body);
      deepQuery<HTMLButtonElement>(
        deepQuery(app.shadowRoot!, 'pt-source-picker')!.shadowRoot!,
        'button',
      )!.click();
      return count;
    };
    expect(await wished('alone')).to.equal(1);
    expect(await wished('starting')).to.equal(0);
    expect(await wished('no-engine')).to.equal(0);
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
