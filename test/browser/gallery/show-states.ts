import { seededRandom } from '../../../src/shared/random.ts';
import type { ShowPorts } from '../../../src/ui/components/app.ts';
import { findDigit } from '../../../src/ui/demo/digits/find-digit.ts';
import { digitSamples } from '../../../src/ui/digit-samples.ts';
import { initialDemoState, reduceDemo, type DemoEvent } from '../../../src/ui/demo/demo-state.ts';
import type { DemoPort } from '../../../src/ui/demo/demo-controller.ts';
import type { LiveEvent, NetworkFacts } from '../../../src/ui/demo/live-state.ts';
import type { PictureSource, SourceWish } from '../../../src/ui/demo/picture-source.ts';
import type { RoomPlan } from '../../../src/ui/room-plan.ts';
import type { TeachPort } from '../../../src/ui/teach/teach-controller.ts';
import { initialTeachState, reduceTeach, type TeachEvent } from '../../../src/ui/teach/teach-state.ts';
import { drawScene } from '../../support/drawn-scene.ts';

/** What the demo and teaching show, told as what happened. */
const bundled = { kind: 'bundled' } as const;
const WIDTH = 640;
const HEIGHT = 480;

/** A digit on a sheet of paper in a dim room, as a camera that looks away from people sees it. */
const scene = drawScene({
  width: WIDTH,
  height: HEIGHT,
  ground: (x, y) => (x + 0.1 * y > 150 && x + 0.1 * y < 540 && y > 60 && y < 430 ? 225 - 0.1 * x : 60),
  ink: 45,
  digit: 5,
  centre: [335, 245],
  heightPixels: 190,
  strokePixels: 20,
  degrees: -6,
  random: seededRandom(5),
});
const seen = { extent: 32, pixels: findDigit(scene.picture, 32)!.pixels };

function canvasOf(draw: (context: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  draw(canvas.getContext('2d')!);
  return canvas;
}

const sheet = canvasOf((context) => {
  const picture = context.createImageData(WIDTH, HEIGHT);
  scene.picture.values.forEach((value, at) => picture.data.set([value, value, value * 0.96, 255], at * 4));
  context.putImageData(picture, 0, 0);
});

const mug = canvasOf((context) => {
  const wall = context.createLinearGradient(0, 0, 0, HEIGHT);
  wall.addColorStop(0, '#c9c2b6');
  wall.addColorStop(0.72, '#b3a998');
  wall.addColorStop(0.73, '#7a5c43');
  wall.addColorStop(1, '#5f4632');
  context.fillStyle = wall;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.strokeStyle = '#2f6f8f';
  context.lineWidth = 22;
  context.beginPath();
  context.arc(408, 270, 52, -1.4, 1.4);
  context.stroke();
  context.fillStyle = '#2f6f8f';
  context.beginPath();
  context.roundRect(230, 170, 180, 210, 24);
  context.fill();
  context.fillStyle = '#3b2a1d';
  context.beginPath();
  context.ellipse(320, 182, 84, 18, 0, 0, 7);
  context.fill();
});

const sourceOf = (name: string, view: HTMLElement, kind: PictureSource['kind']): PictureSource => ({
  kind,
  name,
  view,
  isMirror: false,
  size: { width: WIDTH, height: HEIGHT },
  read: (_area, size) => new Uint8ClampedArray(size.width * size.height * 4),
  subscribe: () => () => undefined,
  close: () => undefined,
});

const back: SourceWish = { kind: 'camera', facing: 'environment' };
const opened = (wish: SourceWish, source: PictureSource): readonly LiveEvent[] => [
  { type: 'source-opening', wish },
  { type: 'source-open', wish, source },
];
const camera = (view: HTMLElement): readonly LiveEvent[] => [
  ...opened(back, sourceOf('Back camera', view, 'camera')),
  {
    type: 'cameras',
    cameras: [
      { id: 'front', name: 'Front camera' },
      { id: 'back', name: 'Back camera' },
    ],
  },
];

const digits: NetworkFacts = {
  name: 'digits',
  reading: 'digit',
  inputShape: [32, 32, 1],
  classes: 10,
  labels: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  isRandom: false,
  macs: 5_840_000,
};
const plan: RoomPlan = {
  epoch: 0,
  devices: ['this device', 'Raspberry Pi 4 in the kitchen'],
  offeredCount: 3,
  window: 3,
  expected: { latencyMs: 38, framesPerSecond: 41, gain: 1.4 },
  leftOut: [
    { name: 'Pi 3', why: 'in the best plan with Pi 3 a frame takes 61 ms, without it 38 ms.' },
    { name: 'Device cccccc', why: 'No way through the network to a device. (LINK_NO_ROUTE)' },
  ],
};
const alone: RoomPlan = {
  epoch: 0,
  devices: ['this device'],
  offeredCount: 1,
  window: 2,
  expected: { latencyMs: 21, framesPerSecond: 48, gain: 1 },
  leftOut: [],
};

/** Pictures as they were computed; some that came meanwhile were dropped. */
const results = (frames: number, everyMs: number, ageMs: number): readonly LiveEvent[] =>
  Array.from({ length: frames }, (_, frame): LiveEvent => ({
    type: 'result',
    atMs: frame * everyMs,
    ageMs: ageMs + (frame % 5),
    counts: {
      offered: frame + 1 + Math.floor(frame / 9),
      started: frame + 1,
      computed: frame + 1,
      dropped: Math.floor(frame / 9),
      failed: 0,
    },
  }));
const running = (chosen: RoomPlan): readonly LiveEvent[] => [
  { type: 'network', network: digits },
  { type: 'planned', plan: chosen },
  { type: 'running' },
];

const ofDemo = (events: readonly LiveEvent[]): DemoEvent[] =>
  events.map((event) => ({ type: 'live', event }));
const read: DemoEvent = {
  type: 'answered',
  atMs: 3000,
  answer: {
    top: [
      { index: 5, label: '5', score: 0.968 },
      { index: 3, label: '3', score: 0.019 },
      { index: 6, label: '6', score: 0.008 },
      { index: 8, label: '8', score: 0.003 },
      { index: 9, label: '9', score: 0.001 },
    ],
    area: scene.box,
    seen,
  },
};

const demos: Readonly<Record<string, readonly DemoEvent[]>> = {
  'demo-camera': [...ofDemo([...camera(sheet), ...running(plan), ...results(120, 27, 43)]), read],
  'demo-alone': [
    ...ofDemo([
      ...opened(
        { kind: 'sample', url: '/models/digits/samples/5-print.png' },
        sourceOf('5-print.png', sheet, 'picture'),
      ),
      ...running(alone),
      ...results(1, 1, 24),
    ]),
    read,
  ],
  'demo-loading': ofDemo([
    ...camera(sheet),
    { type: 'network', network: digits },
    { type: 'doing', doing: { step: 'loading', loadedBytes: 310_000, totalBytes: 840_000 } },
  ]),
  'demo-gone': [
    ...ofDemo([
      ...camera(sheet),
      ...running(plan),
      ...results(120, 27, 43),
      { type: 'gone', gone: { name: 'Raspberry Pi 4 in the kitchen', how: 'lost' } },
      { type: 'planned', plan: { ...alone, epoch: 1, offeredCount: 2, leftOut: plan.leftOut } },
    ]),
    read,
  ],
  'demo-random': [
    ...ofDemo([
      ...camera(sheet),
      { type: 'choice', choice: { kind: 'preset', name: 'vgg16' } },
      {
        type: 'network',
        network: {
          name: 'vgg16',
          reading: 'picture',
          inputShape: [224, 224, 3],
          classes: 1000,
          isRandom: true,
          macs: 15_470_314_496,
        },
      },
      { type: 'planned', plan },
      { type: 'running' },
      ...results(8, 900, 1740),
    ]),
    {
      type: 'answered',
      atMs: 8000,
      answer: {
        top: [411, 87, 903, 12, 640].map((index, place) => ({ index, score: 0.0042 - place * 0.0003 })),
        area: { left: 80, top: 0, width: 480, height: 480 },
      },
    },
  ],
  'demo-camera-refused': ofDemo([
    { type: 'source-opening', wish: { kind: 'camera' } },
    {
      type: 'failed',
      problem: {
        where: 'source',
        problem: { code: 'INPUT_INVALID', message: 'no camera: the browser offers none to this page' },
        camera: 'insecure',
      },
    },
  ]),
  'demo-failed': ofDemo([
    ...camera(sheet),
    {
      type: 'failed',
      problem: {
        where: 'network',
        problem: { code: 'PLAN_MEMORY', message: 'vgg16 needs 553 MB; the devices of the room offer 500 MB' },
      },
    },
  ]),
};

const examples = (count: number): Float32Array[] =>
  Array.from({ length: count }, () => new Float32Array(128));
const taught = (id: number, count: number): TeachEvent[] =>
  examples(count).map((features) => ({ type: 'example', id, features }));
const ofTeach = (events: readonly LiveEvent[]): TeachEvent[] =>
  events.map((event) => ({ type: 'live', event }));
const shown = ofTeach([...camera(mug), ...running(plan), ...results(120, 40, 52)]);
const features: TeachEvent = {
  type: 'network',
  network: { name: 'digits', tensor: 'dense1/relu', size: 128, weights: 'file' },
};

const lessons: Readonly<Record<string, readonly TeachEvent[]>> = {
  teach: [
    ...shown,
    features,
    { type: 'named', id: 0, name: 'mug' },
    { type: 'named', id: 1, name: 'book' },
    ...taught(0, 24),
    ...taught(1, 31),
    {
      type: 'seen',
      shares: [0.89, 0.11],
      area: { left: 80, top: 0, width: 480, height: 480 },
      atMs: 5000,
    },
  ],
  'teach-empty': [],
  'teach-holding': [
    ...shown,
    features,
    { type: 'class-added' },
    { type: 'held', id: 1 },
    ...taught(0, 12),
    ...taught(1, 1),
  ],
  'teach-other-file': [
    ...shown,
    features,
    {
      type: 'failed',
      problem: {
        kind: 'other-network',
        problem: {
          code: 'MODEL_UNSUPPORTED',
          message: 'the examples of this file are what mobilenet has noticed',
        },
      },
    },
  ],
};

const still = <State>(state: State) => ({
  state,
  subscribe: (listener: (state: State) => void) => {
    listener(state);
    return () => undefined;
  },
});
const ignored = (): undefined => undefined;

/** States of the demo and of teaching. */
export const showStates: readonly string[] = [...Object.keys(demos), ...Object.keys(lessons)];

/** Ports that stay as they are: what a state of the page shows. */
export function showOf(name: string): ShowPorts {
  const demo: DemoPort = {
    ...still((demos[name] ?? []).reduce(reduceDemo, initialDemoState(bundled))),
    chooseModel: ignored,
    chooseLabels: ignored,
    chooseSource: ignored,
    mirror: ignored,
    retry: ignored,
  };
  const teach: TeachPort = {
    ...still((lessons[name] ?? []).reduce(reduceTeach, initialTeachState(bundled))),
    chooseModel: ignored,
    chooseSource: ignored,
    mirror: ignored,
    retry: ignored,
    press: ignored,
    release: ignored,
    rename: ignored,
    addClass: ignored,
    removeClass: ignored,
    forgetExamples: ignored,
    save: ignored,
    load: ignored,
  };
  return { demo, teach, served: [] };
}

export const sampleUrls: readonly string[] = digitSamples.map((file) => `/models/digits/samples/${file}`);
