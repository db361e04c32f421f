import axe from 'axe-core';
import { expect } from 'chai';
import theme from '../../../src/ui/theme.css?inline';
import '../../../src/ui/https/page-notice.ts';
import '../../../src/ui/kiosk/kiosk-view.ts';
import { buildOf, lookAtServedPage } from '../../../src/ui/kiosk/page-build.ts';
import '../../../src/ui/trust/trust-view.ts';
import { kioskStates, trustStates } from '../gallery/kiosk-states.ts';

/** Text of an element and of all shadow roots below it, as a reader meets it. */
function textOf(node: Node): string {
  if (node instanceof Text) return node.data;
  if (node instanceof HTMLStyleElement) return '';
  const inside = node instanceof Element && node.shadowRoot ? node.shadowRoot : node;
  return [...inside.childNodes].map(textOf).join('').replaceAll(/\s+/g, ' ');
}

const themes = { light: theme, dark: theme.replace('(prefers-color-scheme: dark)', 'all') };
const sheet = new CSSStyleSheet();
before(() => {
  document.documentElement.lang = 'en';
  document.title = 'Peerceptron';
  document.adoptedStyleSheets.push(sheet);
});
beforeEach(() => sheet.replaceSync(themes.light));
after(() => document.adoptedStyleSheets.splice(document.adoptedStyleSheets.indexOf(sheet), 1));
afterEach(() =>
  document.querySelectorAll('pt-kiosk, pt-trust, pt-page-notice').forEach((element) => element.remove()),
);

async function judge(element: HTMLElement): Promise<void> {
  for (const scheme of ['light', 'dark'] as const) {
    sheet.replaceSync(themes[scheme]);
    const { violations } = await axe.run(element);
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
    expect(told, scheme).to.deep.equal([]);
  }
}

describe("the kiosk's screen", () => {
  async function show(name: string) {
    const kiosk = document.createElement('pt-kiosk');
    kiosk.state = kioskStates.get(name)!;
    document.body.append(kiosk);
    await kiosk.updateComplete;
    return kiosk;
  }

  const expected: Record<string, readonly string[]> = {
    'kiosk-no-room': ['No room', 'Open this page with a room'],
    'kiosk-starting': ['Room amber-otter', 'Getting this device ready', 'testing…'],
    'kiosk-alone': ['In the room, waiting for other devices', 'tfjs-wasm', 'No work at the moment'],
    'kiosk-plain-http': ['Missing here threads, wake lock: open /trust', 'cannot be kept awake'],
    'kiosk-ready': ['In the room, ready to compute', 'Other devices 4'],
    'kiosk-working': [
      'Computing vgg16',
      // A term comes before its value, whichever stands on top.
      'frames per second 8.2',
      'of the work 31 %',
      'block1_conv1 to block2_pool, fc1',
      'Frames so far 42',
    ],
    'kiosk-dimmed': ['Computing vgg16', 'frames per second 8.2', 'of the work 31 %'],
    'kiosk-problem': ['The plan needs more memory', 'Close other tabs', 'PLAN_MEMORY'],
    'kiosk-lost': ['Connection to the room lost', 'SIGNALING_LOST', 'it is tried again'],
    'kiosk-lost-dimmed': ['Connection to the room lost', 'SIGNALING_LOST'],
    'kiosk-no-engine': ['cannot take part', 'ENGINE_UNAVAILABLE', 'reloads by itself'],
    'kiosk-stopped': ['This page has stopped', 'ROOM_FULL', 'reloads by itself'],
  };

  it('has an expectation for every state', () => {
    expect(Object.keys(expected).sort()).to.deep.equal([...kioskStates.keys()].sort());
  });

  for (const [name, parts] of Object.entries(expected)) {
    it(`shows “${name}” in words, and passes the accessibility rules`, async () => {
      const kiosk = await show(name);
      const text = textOf(kiosk);
      for (const part of parts) expect(text).to.include(part);
      await judge(kiosk);
    });

    it(`fits screens from a small panel to a television in “${name}”`, async () => {
      const kiosk = await show(name);
      for (const width of [320, 800, 1920]) {
        kiosk.style.width = `${width}px`;
        await kiosk.updateComplete;
        expect(kiosk.scrollWidth, `${width}`).to.be.at.most(width);
      }
    });
  }

  it('is dark when it is dimmed, and leaves the small print out', async () => {
    const bright = await show('kiosk-working');
    expect(textOf(bright)).to.include('Frames so far');
    bright.remove();
    const dim = await show('kiosk-dimmed');
    expect(getComputedStyle(dim).backgroundColor).to.equal('rgb(0, 0, 0)');
    expect(textOf(dim)).not.to.include('Frames so far');
  });

  it('announces where it stands', async () => {
    const kiosk = await show('kiosk-working');
    expect(kiosk.shadowRoot!.querySelector('[role="status"]')!.textContent).to.include('Computing vgg16');
  });
});

describe('the page that says how to trust a server', () => {
  async function show(name: string) {
    const trust = document.createElement('pt-trust');
    trust.state = trustStates.get(name)!;
    document.body.append(trust);
    await trust.updateComplete;
    return trust;
  }

  const expected: Record<string, readonly string[]> = {
    'trust-asking': ['Asking the server'],
    'trust-silent': ['does not answer'],
    'trust-none': ['nothing to trust here', 'serve --https'],
    'trust-finding': ['Finding out whether'],
    'trust-android': [
      'Get the camera',
      'Android',
      'Install anyway',
      'Go on without',
      'Peerceptron on raspberrypi',
    ],
    'trust-ios': ['Profile Downloaded', 'Certificate Trust Settings', '10:17:1E'],
    'trust-other-address': ['another address', 'http://192.168.1.20:8080/trust'],
    'trust-unknown': ['Android', 'Windows', 'Linux and Raspberry Pi OS'],
    'trust-trusted': ['This device trusts the server', 'Open the room'],
  };

  it('has an expectation for every state', () => {
    expect(Object.keys(expected).sort()).to.deep.equal([...trustStates.keys()].sort());
  });

  for (const [name, parts] of Object.entries(expected)) {
    it(`shows “${name}” in words, and passes the accessibility rules`, async () => {
      const trust = await show(name);
      const text = textOf(trust);
      for (const part of parts) expect(text).to.include(part);
      trust.shadowRoot!.querySelectorAll('details').forEach((details) => (details.open = true));
      await judge(trust);
    });

    it(`does not overflow a phone in “${name}”`, async () => {
      const trust = await show(name);
      trust.style.width = '360px';
      trust.shadowRoot!.querySelectorAll('details').forEach((details) => (details.open = true));
      await trust.updateComplete;
      expect(trust.scrollWidth).to.be.at.most(360);
    });
  }

  it('gives Apple a profile and everybody else a certificate, and does not save them under its breath', async () => {
    const links = async (name: string) => {
      const trust = await show(name);
      const first = trust.shadowRoot!.querySelector<HTMLAnchorElement>('ol a')!;
      trust.remove();
      expect(first.hasAttribute('download')).to.equal(false);
      return new URL(first.href).pathname;
    };
    expect(await links('trust-ios')).to.equal('/trust/peerceptron.mobileconfig');
    expect(await links('trust-android')).to.equal('/trust/peerceptron-ca.crt');
  });

  it('leads into the room by https when it is trusted, and without until then', async () => {
    const trusted = await show('trust-trusted');
    expect(trusted.shadowRoot!.querySelector<HTMLAnchorElement>('a.button')!.href).to.match(
      /^https:.*#amber/,
    );
    trusted.remove();
    const untrusted = await show('trust-android');
    expect(untrusted.shadowRoot!.querySelector('a.button')).to.equal(null);
    expect(untrusted.shadowRoot!.querySelector<HTMLAnchorElement>('.actions a')!.href).to.match(
      /^http:.*#amber/,
    );
  });
});

describe('a notice above a page', () => {
  it('says its sentence with its link, and passes the accessibility rules', async () => {
    const notice = Object.assign(document.createElement('pt-page-notice'), {
      label: 'Plain http',
      text: 'This page came over plain http.',
      href: 'http://192.168.1.20:8080/trust',
      linkText: 'How to do that',
    });
    document.body.append(notice);
    await notice.updateComplete;
    expect(textOf(notice)).to.include('This page came over plain http. How to do that');
    await judge(notice);
  });
});

describe('the build of a page', () => {
  const page = (script: string, style: string) =>
    `<!doctype html><html><head><link rel="icon" href="/i.svg"><script type="module" src="${script}"></script><link rel="stylesheet" href="${style}"></head><body></body></html>`;
  const answer =
    (text: string, status = 200) =>
    async () =>
      new Response(text, { status });
  const running = buildOf(
    new DOMParser().parseFromString(page('/assets/a-1.js', '/assets/a-1.css'), 'text/html'),
  );

  it('is the same, another one, or not there', async () => {
    expect(running).to.equal('/assets/a-1.js /assets/a-1.css');
    const look = (load: () => Promise<Response>) => lookAtServedPage(running, '/kiosk', load);
    expect(await look(answer(page('/assets/a-1.js', '/assets/a-1.css')))).to.equal('same');
    expect(await look(answer(page('/assets/a-2.js', '/assets/a-1.css')))).to.equal('changed');
    expect(await look(answer(page('/assets/a-1.js', '/assets/a-2.css')))).to.equal('changed');
    expect(await look(answer('<h1>Another program</h1>'))).to.equal('absent');
    expect(await look(answer('Not found', 404))).to.equal('absent');
    expect(await look(() => Promise.reject(new TypeError('offline')))).to.equal('absent');
  });
});
