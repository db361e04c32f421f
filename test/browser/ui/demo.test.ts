import axe from 'axe-core';
import { expect } from 'chai';
import { createReferenceEngine } from '../../../src/engine/reference.ts';
import { loadModel, type LoadedModel } from '../../../src/import/load-model.ts';
import { systemClock } from '../../../src/mesh/system-clock.ts';
import type { FrameInput } from '../../../src/runtime/frame-input.ts';
import { loadWholeModel } from '../../../src/runtime/whole-model.ts';
import type { PeerceptronError } from '../../../src/shared/errors.ts';
import { browserSources } from '../../../src/ui/demo/browser-sources.ts';
import '../../../src/ui/demo/components/demo-view.ts';
import type { DemoView } from '../../../src/ui/demo/components/demo-view.ts';
import { DemoController } from '../../../src/ui/demo/demo-controller.ts';
import type { PictureSource } from '../../../src/ui/demo/picture-source.ts';
import { taughtGraph } from '../../../src/ui/teach/feature-network.ts';
import '../../../src/ui/teach/components/teach-view.ts';
import type { TeachView } from '../../../src/ui/teach/components/teach-view.ts';
import { showAndTeach } from '../../../src/ui/teach/show-and-teach.ts';
import { TeachController } from '../../../src/ui/teach/teach-controller.ts';
import theme from '../../../src/ui/theme.css?inline';
import { httpBytes } from '../../../src/weights/http-source.ts';
import { FakeRunner, FakeSources } from '../../support/live-fakes.ts';
import { cameraError } from '../../../src/ui/demo/camera-problem.ts';
import { deepAll, deepOne, settled, textOf, until } from './shadow.ts';

const modelUrl = new URL('/models/digits', location.href).href;
const sampleUrl = (file: string): string => `${modelUrl}/samples/${file}`;
const size = { width: 32, height: 32 };

const never = (error: PeerceptronError): never => {
  throw error;
};

/** Two seconds of a square that wanders, as a file. */
async function recordedClip(): Promise<File> {
  const canvas = document.createElement('canvas');
  canvas.width = 96;
  canvas.height = 64;
  const context = canvas.getContext('2d')!;
  let frame = 0;
  const draw = (): void => {
    context.fillStyle = '#fff';
    context.fillRect(0, 0, 96, 64);
    context.fillStyle = '#000';
    context.fillRect((frame++ * 3) % 80, 20, 16, 16);
  };
  draw();
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: 'video/webm' });
  const pieces: Blob[] = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  while (frame < 45) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    draw();
  }
  recorder.stop();
  await stopped;
  return new File(pieces, 'wandering.webm', { type: 'video/webm' });
}

/** Whether two pictures of a source differ: something moves in it. */
async function moves(source: PictureSource): Promise<boolean> {
  const whole = { left: 0, top: 0, ...source.size };
  document.body.append(source.view);
  let pictures: Uint8ClampedArray[] = [];
  const stop = source.subscribe(() => pictures.push(source.read(whole, size)));
  await until(() => pictures.length >= 10);
  stop();
  const [first] = pictures;
  pictures = pictures.slice(1);
  source.view.remove();
  return pictures.some((picture) => picture.some((value, at) => value !== first![at]));
}

describe('sources of pictures in a browser', () => {
  const sources = browserSources();

  it('are cameras, which are mirrored for people, and whose names are known then', async () => {
    const source = await sources.open({ kind: 'camera' }, never);
    expect(source.kind).to.equal('camera');
    expect(source.isMirror).to.equal(true);
    expect(source.size.width).to.be.greaterThan(0);
    expect(await moves(source)).to.equal(true);
    const cameras = await sources.cameras();
    expect(cameras.length).to.be.greaterThan(0);
    expect(cameras[0]!.name).to.not.equal('');
    source.close();
    const again = await sources.open({ kind: 'camera', deviceId: cameras[0]!.id }, never);
    expect(again.name).to.equal(cameras[0]!.name);
    again.close();
  });

  it('say which camera is not there', async () => {
    const error = await sources.open({ kind: 'camera', deviceId: 'unplugged' }, never).then(
      () => undefined,
      (thrown: PeerceptronError) => thrown,
    );
    expect(error?.code).to.equal('INPUT_INVALID');
    expect(error?.details['camera']).to.equal('unfit');
  });

  it('are pictures', async () => {
    const source = await sources.open({ kind: 'sample', url: sampleUrl('5-print.png') }, never);
    expect(source).to.include({ kind: 'picture', name: '5-print.png', isMirror: false });
    const pixels = source.read({ left: 0, top: 0, ...source.size }, size);
    expect(pixels.length).to.equal(32 * 32 * 4);
    expect(new Set(pixels).size).to.be.greaterThan(10);
    await new Promise<void>((resolve) => source.subscribe(resolve));
    source.close();
  });

  it('are clips, played over and over', async () => {
    const source = await sources.open({ kind: 'file', file: await recordedClip() }, never);
    expect(source).to.include({ kind: 'clip', name: 'wandering.webm', isMirror: false });
    expect(await moves(source)).to.equal(true);
    source.close();
  });

  it('refuse what is no picture', async () => {
    for (const [name, type] of [
      ['text.png', 'image/png'],
      ['text.mp4', 'video/mp4'],
    ] as const) {
      const error = await sources
        .open({ kind: 'file', file: new File(['text'], name, { type }) }, never)
        .then(
          () => undefined,
          (thrown: PeerceptronError) => thrown,
        );
      expect(error?.code).to.equal('INPUT_INVALID');
      expect(error?.message).to.include(name);
    }
  });
});

describe('what is shown to the room', () => {
  let model: LoadedModel;
  let answers: (input: FrameInput) => Promise<Float32Array>;
  let features: (input: FrameInput) => Promise<Float32Array>;

  const themes = { light: theme, dark: theme.replace('(prefers-color-scheme: dark)', 'all') };
  const sheet = new CSSStyleSheet();

  before(async () => {
    document.documentElement.lang = 'en';
    document.title = 'Peerceptron';
    document.adoptedStyleSheets.push(sheet);
    model = await loadModel(modelUrl, { open: httpBytes });
    const whole = async (graph = model.graph) => {
      const loaded = await loadWholeModel(createReferenceEngine(), graph, model.weights);
      return async (input: FrameInput) => (await loaded.run([input])).outputs[0]!;
    };
    answers = await whole();
    features = await whole(taughtGraph(model));
  });
  after(() => document.adoptedStyleSheets.splice(document.adoptedStyleSheets.indexOf(sheet), 1));
  beforeEach(() => sheet.replaceSync(themes.light));

  let close: () => Promise<void> = async () => undefined;
  afterEach(async () => {
    document.querySelectorAll('pt-demo, pt-teach').forEach((view) => view.remove());
    await close();
  });

  async function showDemo(sources = browserSources()): Promise<{ view: DemoView; demo: DemoController }> {
    const demo = new DemoController({
      clock: systemClock,
      sources,
      runner: new FakeRunner(answers),
      openModel: async () => model,
    });
    close = () => demo.close();
    const view = document.createElement('pt-demo');
    view.port = demo;
    view.ready = true;
    view.samples = [sampleUrl('5-print.png'), sampleUrl('3-handwriting.png')];
    document.body.append(view);
    await settled(document.body);
    return { view, demo };
  }

  async function showTeach(): Promise<{ view: TeachView; teach: TeachController }> {
    const teach = new TeachController({
      clock: systemClock,
      sources: browserSources(),
      runner: new FakeRunner(features),
      openModel: async () => model,
    });
    close = () => teach.close();
    const view = document.createElement('pt-teach');
    view.port = teach;
    view.ready = true;
    document.body.append(view);
    await settled(document.body);
    return { view, teach };
  }

  async function expectAccessible(view: HTMLElement): Promise<void> {
    for (const details of deepAll<HTMLDetailsElement>(view.shadowRoot!, 'details')) details.open = true;
    await settled(document.body);
    for (const scheme of ['light', 'dark'] as const) {
      sheet.replaceSync(themes[scheme]);
      const { violations } = await axe.run(view);
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
      expect(told, scheme).to.deep.equal([]);
    }
  }

  const button = (view: HTMLElement, name: RegExp): HTMLElement => {
    const found = deepAll<HTMLElement>(view.shadowRoot!, 'button').find((candidate) =>
      name.test(candidate.getAttribute('aria-label') ?? candidate.textContent ?? ''),
    );
    if (!found) throw new Error(`there is no button ${String(name)}`);
    return found;
  };

  it('is a sample: the bars say what the unsplit network says', async () => {
    const { view, demo } = await showDemo();
    button(view, /Sample picture 1/).click();
    await until(() => demo.state.answer !== undefined);
    await settled(document.body);
    expect(demo.state.answer?.top[0]?.label).to.equal('5');
    expect(textOf(deepOne(view.shadowRoot!, 'pt-bars'))).to.match(/^ 5 \d+ %/);
    expect(deepAll(view.shadowRoot!, 'rect').length).to.be.greaterThan(0);
    await expectAccessible(view);
  });

  it('is a camera', async () => {
    const { view, demo } = await showDemo();
    button(view, /Use the camera/).click();
    await until(() => demo.state.live.source.state === 'open');
    await settled(document.body);
    expect(deepAll(view.shadowRoot!, 'video')).to.have.length(1);
    expect(textOf(view)).to.include('Mirrored');
    await expectAccessible(view);
    expect(view.scrollWidth).to.be.at.most(view.clientWidth);
  });

  it('stays as large as it is, whatever is shown', async () => {
    const { view, demo } = await showDemo();
    const heightOf = () => deepOne(view.shadowRoot!, 'pt-stage').getBoundingClientRect().height;
    const empty = [heightOf(), deepOne(view.shadowRoot!, 'pt-bars').getBoundingClientRect().height];
    button(view, /Sample picture 2/).click();
    await until(() => demo.state.answer !== undefined);
    await settled(document.body);
    const full = [heightOf(), deepOne(view.shadowRoot!, 'pt-bars').getBoundingClientRect().height];
    expect(full).to.deep.equal(empty);
  });

  it('is nothing where the camera is refused, and the reason is said', async () => {
    const sources = new FakeSources();
    sources.next = cameraError('insecure', 'plain http');
    const { view } = await showDemo(sources);
    button(view, /Use the camera/).click();
    await until(() => textOf(view).includes('plain http'));
    expect(textOf(view)).to.include('Open the room by https');
    await expectAccessible(view);
  });

  it('fits a phone', async () => {
    const { view } = await showDemo();
    view.style.width = '360px';
    await settled(document.body);
    expect(view.scrollWidth).to.be.at.most(360);
    view.remove();
    const { view: teach } = await showTeach();
    teach.style.width = '360px';
    await settled(document.body);
    expect(teach.scrollWidth).to.be.at.most(360);
  });

  it('is an example while a button is held, by pointer and by key', async () => {
    const { view, teach } = await showTeach();
    button(view, /Use the camera/).click();
    await until(() => teach.state.live.recent.length > 0);
    await settled(document.body);
    const [first, second] = deepAll<HTMLElement>(view.shadowRoot!, 'button.hold');
    const countOf = (index: number) => teach.state.classes[index]!.examples.length;

    first!.setPointerCapture = () => undefined;
    first!.dispatchEvent(new PointerEvent('pointerdown', { button: 0, bubbles: true, pointerId: 1 }));
    await until(() => countOf(0) >= 2);
    await settled(document.body);
    expect(first!.getAttribute('aria-pressed')).to.equal('true');
    first!.dispatchEvent(new PointerEvent('pointerup', { button: 0, bubbles: true, pointerId: 1 }));
    await until(() => teach.state.held === undefined);

    second!.dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true, cancelable: true }));
    await until(() => countOf(1) >= 2);
    second!.dispatchEvent(new KeyboardEvent('keyup', { key: ' ', bubbles: true }));
    await until(() => teach.state.held === undefined && teach.state.shares !== undefined);
    await settled(document.body);
    expect(textOf(view)).to.match(/\d+ examples/);
    expect(teach.state.shares!.reduce((sum, share) => sum + share, 0)).to.be.closeTo(1, 1e-6);
    await expectAccessible(view);
  });

  it('is shown to one part of the page at a time', async () => {
    const both = showAndTeach({
      clock: systemClock,
      sources: browserSources(),
      runner: new FakeRunner(answers),
      openModel: async () => model,
    });
    close = () => both.close();
    both.demo.chooseSource({ kind: 'camera' });
    await until(() => both.demo.state.live.source.state === 'open');
    both.teach.chooseSource({ kind: 'camera' });
    await until(() => both.teach.state.live.source.state === 'open');
    expect(both.demo.state.live.source.state).to.equal('none');
    both.demo.chooseSource({ kind: 'sample', url: sampleUrl('5-print.png') });
    await until(() => both.demo.state.answer !== undefined);
    expect(both.teach.state.live.source.state).to.equal('none');
  });

  it('is drawn as a line over time', async () => {
    const line = document.createElement('pt-line-chart');
    line.label = 'Pictures per second';
    line.points = [0, 1, 2].map((second) => ({ atMs: second * 1000, value: 10 + second }));
    document.body.append(line);
    await until(() => Boolean(line.shadowRoot?.querySelector('canvas')));
    const label = line.shadowRoot!.querySelector('[role="img"]')!.getAttribute('aria-label');
    expect(label).to.equal('Pictures per second. Now: 12.');
    line.remove();
  });
});
