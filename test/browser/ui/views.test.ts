import { expect } from 'chai';
import type { App, RoomView } from '../../../src/ui/components/app.ts';
import type { DeviceSettings } from '../../../src/ui/join/device-settings.ts';
import type { PlanWish } from '../../../src/ui/network-view/asked-state.ts';
import theme from '../../../src/ui/theme.css?inline';
import { deepQuery, settle, show, textOf } from './page-harness.ts';

/** What an event of this name brought, each time that it was heard. */
function heard<Detail>(app: App, type: string): Detail[] {
  const details: Detail[] = [];
  app.addEventListener(type, (event) => details.push((event as CustomEvent<Detail>).detail));
  return details;
}

const rootOf = (app: App, tag: string): ShadowRoot => deepQuery(app.shadowRoot!, tag)!.shadowRoot!;
const labelled = <Found extends HTMLElement>(root: ParentNode, text: string): Found =>
  [...root.querySelectorAll<HTMLLabelElement>('label')]
    .find((label) => label.textContent.includes(text))!
    .querySelector<Found>('input, select')!;
const button = (root: ParentNode, text: string): HTMLButtonElement =>
  [...root.querySelectorAll('button')].find(({ textContent }) => textContent.includes(text))!;

describe('the views of a room', () => {
  const sheet = new CSSStyleSheet();
  before(() => {
    sheet.replaceSync(theme);
    document.adoptedStyleSheets.push(sheet);
  });
  after(() => document.adoptedStyleSheets.splice(document.adoptedStyleSheets.indexOf(sheet), 1));
  afterEach(() => document.querySelectorAll('pt-app').forEach((app) => app.remove()));

  it('go from tab to tab by the arrow keys, round and round, and say so', async () => {
    const app = await show('mesh');
    const shown = heard<RoomView>(app, 'show-view');
    const tabs = rootOf(app, 'pt-tabs');
    const focused = () => tabs.activeElement?.textContent.trim();
    const press = async (key: string): Promise<void> => {
      tabs
        .querySelector<HTMLElement>('[aria-selected="true"]')!
        .dispatchEvent(
          new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }),
        );
      await settle(document.body);
      await new Promise((resolve) => requestAnimationFrame(resolve));
    };
    await press('ArrowRight');
    expect(focused()).to.equal('Network');
    await press('End');
    expect(focused()).to.equal('This device');
    await press('ArrowRight');
    expect(focused()).to.equal('Demo');
    await press('ArrowLeft');
    expect(shown).to.deep.equal(['network', 'device', 'demo', 'device']);
    expect(textOf(app)).to.include('Share of the processor');
    expect(
      [...tabs.querySelectorAll('[role="tab"]')].map((tab) => (tab as HTMLElement).tabIndex),
    ).to.deep.equal([-1, -1, -1, -1, -1, 0]);
  });

  it('hand over what is decided about this device', async () => {
    const app = await show('device');
    const changes = heard<Partial<DeviceSettings>>(app, 'change-settings');
    const controls = rootOf(app, 'pt-device-controls');
    labelled<HTMLInputElement>(controls, '25 %').click();
    const name = labelled<HTMLInputElement>(controls, 'Name');
    name.value = 'Ada’s phone';
    name.dispatchEvent(new Event('change'));
    const memory = labelled<HTMLInputElement>(controls, 'Memory for weights');
    memory.value = memory.max;
    memory.dispatchEvent(new Event('change'));
    const rest = labelled<HTMLSelectElement>(controls, 'Rest while on battery');
    rest.value = '0.5';
    rest.dispatchEvent(new Event('change'));
    expect(changes).to.deep.equal([
      { share: 0.25 },
      { name: 'Ada’s phone' },
      { memoryBytes: 4e9 },
      { restBelow: 0.5 },
    ]);
    const [paused, left] = [heard(app, 'pause-device'), heard(app, 'leave-room')];
    button(controls, 'Pause').click();
    button(controls, 'Leave the room').click();
    expect([paused.length, left.length]).to.deep.equal([1, 1]);
  });

  it('lead from what the page lacks to where the server can be trusted', async () => {
    const app = await show('device-plain-http');
    const link = rootOf(app, 'pt-preflight').querySelector('a')!;
    expect(new URL(link.href).pathname).to.equal('/trust');
    expect(rootOf(await show('device'), 'pt-preflight').querySelector('a')).to.equal(null);
  });

  it('leave a device alone that is not in the room', async () => {
    const app = await show('device-starting');
    const left = heard(app, 'leave-room');
    button(rootOf(app, 'pt-device-controls'), 'Leave the room').click();
    expect(left).to.deep.equal([]);
  });

  it('show another op by the slider, with who computes what of it', async () => {
    const app = await show('network');
    const slider = rootOf(app, 'pt-network-strip').querySelector('input')!;
    slider.value = '0';
    slider.dispatchEvent(new Event('input'));
    await settle(document.body);
    const text = textOf(app);
    expect(text).to.include('Op 1 of');
    expect(text).to.include('this device: rows 0–54, columns 0–54, channels 0–63');
    expect(slider.getAttribute('aria-valuetext')).to.include('conv1');
  });

  it('show the op that is pointed at', async () => {
    const app = await show('network');
    const picture = rootOf(app, 'pt-network-strip').querySelector('svg')!;
    const { left, width, top } = picture.getBoundingClientRect();
    picture.dispatchEvent(
      new PointerEvent('pointermove', { clientX: left + width - 1, clientY: top + 5, bubbles: true }),
    );
    await settle(document.body);
    const slider = rootOf(app, 'pt-network-strip').querySelector('input')!;
    expect(slider.value).to.equal(slider.max);
  });

  it('ask for a preview of the plan that is wanted, and for its use', async () => {
    const app = await show('network-preview');
    const [previews, applied] = [heard<PlanWish>(app, 'preview-plan'), heard<PlanWish>(app, 'apply-plan')];
    const card = rootOf(app, 'pt-plan-preview');
    labelled<HTMLInputElement>(card, 'many frames').click();
    labelled<HTMLInputElement>(card, 'Phone').click();
    await settle(document.body);
    button(card, 'Preview').click();
    expect(previews).to.have.length(1);
    expect(previews[0]!.objective).to.deep.equal({ kind: 'throughput' });
    expect(previews[0]!.without).to.deep.equal(['c'.repeat(32)]);
    button(card, 'Use this plan').click();
    // What was previewed, whatever has been chosen since.
    expect(applied).to.deep.equal(previews);
  });

  it('show the frame that is chosen, and ask for newer ones', async () => {
    const app = await show('frames');
    const taken = heard(app, 'take-trace');
    const card = rootOf(app, 'pt-waterfall');
    const frames = labelled<HTMLSelectElement>(card, 'Frame (6 recorded)');
    frames.value = '1';
    frames.dispatchEvent(new Event('change'));
    await settle(document.body);
    expect(textOf(app)).to.match(/Frame 2 took \d/);
    button(card, 'Show newer frames').click();
    expect(taken).to.have.length(1);
  });

  it('keep every device of a crowded mesh within the picture of a phone', async () => {
    const app = await show('mesh-of-30');
    app.style.width = '360px';
    await settle(document.body);
    const picture = rootOf(app, 'pt-mesh').querySelector('svg')!;
    const frame = picture.getBoundingClientRect();
    const devices = [...picture.querySelectorAll('.body')].map((body) => body.getBoundingClientRect());
    expect(devices).to.have.length(30);
    for (const { left, right, top, bottom } of devices) {
      expect(left).to.be.at.least(frame.left);
      expect(right).to.be.at.most(frame.right);
      expect(top).to.be.at.least(frame.top);
      expect(bottom).to.be.at.most(frame.bottom);
    }
  });
});
