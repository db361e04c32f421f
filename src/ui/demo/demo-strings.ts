import type { CameraReason } from './camera-problem.ts';
import type { Reading } from './frame-reader.ts';
import type { LiveStep } from './live-state.ts';
import type { Departure } from './mesh-runner.ts';

interface WhatToDo {
  readonly what: string;
  readonly todo: string;
}

const count = (number: number, one: string, many: string): string =>
  number === 1 ? `1 ${one}` : `${number} ${many}`;

/** Every sentence of the parts of the page that show something to a network. */
export const liveStrings = {
  show: 'Show it something',
  camera: 'Use the camera',
  stop: 'Stop',
  file: 'My picture or clip',
  drop: 'Drop a picture or a clip here.',
  samples: 'Or a sample',
  sample: (name: string) => `Sample picture ${name}`,
  whichCamera: 'Camera',
  anyCamera: 'Whichever there is',
  front: 'The one that looks at me',
  back: 'The one that looks away from me',
  unnamedCamera: (number: number) => `Camera ${number}`,
  mirrored: 'Mirrored',
  shown: (name: string) => (name ? `What the room is shown: ${name}` : 'What the room is shown'),
  seen: 'What the network gets',
  notReady: 'As soon as this device is in the room.',
  opening: 'Opening…',
  doing: {
    opening: 'Reading the description of the network…',
    connecting: 'Connecting to the other devices…',
    planning: 'Measuring and planning…',
    loading: 'Loading weights…',
  } satisfies Record<LiveStep['step'], string>,
  gone: {
    lost: (name: string) => `${name} has gone: the room goes on without it.`,
    leaving: (name: string) => `${name} computes no longer: the room goes on without it.`,
  } satisfies Record<Departure, (name: string) => string>,
  weights: 'Weights on their way to the devices',
  rate: 'Per second',
  latency: 'Latency',
  dropped: 'Dropped',
  droppedExplain: 'Pictures that came while the room was busy: the newest always wins.',
  overTime: 'Over time',
  charts: {
    rate: 'Pictures computed per second',
    latency: 'Latency from the picture to the answer, in milliseconds',
    dropped: 'Pictures dropped per second',
  },
  chart: (label: string, latest: string) => `${label}. Now: ${latest}.`,
  noChart: 'The chart cannot be loaded.',
  retry: 'Try again',
  network: 'Network',
  networkIs: (title: string) => `Network: ${title}`,
  bundled: 'digits, comes with this page',
  served: 'On this server',
  presets: 'Well-known networks',
  elsewhere: 'From elsewhere',
  byAddress: 'By its address …',
  byFiles: 'From my files …',
  randomPreset: (name: string) =>
    `${name} with random weights is a test of the room: its answers mean nothing. Give it a file of weights to have real ones.`,
  weightsFile: 'File of weights (.safetensors or .h5)',
  address: 'Address of a model (graph.json, model.json or its folder)',
  addressExplain: 'Its server has to allow other origins (CORS).',
  use: 'Use it',
  modelFiles: 'All files of one model: graph.json or model.json with its weights, or a .h5',
  labelsFile: 'Names of the classes (one per line, or JSON)',
  facts: (shape: readonly number[], macs: string) =>
    `Takes ${shape.join(' × ')} numbers; ${macs} multiplications each time.`,
  reads: {
    picture: 'It sees the middle of the picture.',
    clip: 'It sees the last pictures together, as a short clip.',
    digit: 'Hold one printed or written digit before the camera: it is found wherever it is.',
  } satisfies Record<Reading, string>,
  random: 'Random weights: a test, the answers mean nothing.',
  details: 'Details',
  problems: {
    source: {
      what: 'This cannot be shown.',
      todo: 'Try another file: pictures as .jpg, .png or .webp, clips as .mp4 or .webm.',
    },
    labels: { what: 'These names do not fit the network.', todo: 'Choose the list that belongs to it.' },
    network: { todo: 'Try again: everything is planned anew.' },
    frames: { todo: 'Nothing, if pictures go on; otherwise stop and start again.' },
  },
  cameraProblems: {
    insecure: {
      what: 'Browsers give no camera to a page that came by plain http.',
      todo: 'Open the room by https (peerceptron serve --https), or show it a picture of yours: that works here as well.',
    },
    unsupported: {
      what: 'This browser offers no cameras to pages.',
      todo: 'Use a current browser, or show a picture.',
    },
    denied: {
      what: 'The camera is not allowed on this page.',
      todo: 'Allow it: press the symbol beside the address, set “Camera” to “Allow”, and press the button again. On a phone, the browser itself must be allowed in the system’s settings.',
    },
    missing: { what: 'There is no camera on this device.', todo: 'Plug one in, or show a picture.' },
    busy: {
      what: 'Another program has the camera.',
      todo: 'Close what may use it (a video call, another tab), and press the button again.',
    },
    unfit: {
      what: 'The camera that was chosen is not there any more.',
      todo: 'Choose another one.',
    },
    unplugged: {
      what: 'The camera has gone away.',
      todo: 'Plug it in again, or allow it again, and press the button.',
    },
    failed: {
      what: 'The camera does not start.',
      todo: 'Press the button again; if that does not help, reload the page.',
    },
  } satisfies Record<CameraReason, WhatToDo>,
} as const;

export const demoStrings = {
  title: 'Show it to the room',
  explain: 'The devices in this room compute a network together on what you show to it.',
  answer: 'What the room sees',
  noAnswer: 'Nothing yet.',
  nothing: 'No digit found. Hold one so that its paper is all around it, dark on light or light on dark.',
  noClasses: 'The answer of this network is no list of classes: rates and latency are right all the same.',
  unnamed: (index: number) => `class ${index}`,
  sure: (score: number) => `${Math.floor(score * 100)} %`,
  said: (label: string, score: number) => `${label}, ${Math.floor(score * 100)} percent`,
} as const;

export const teachStrings = {
  title: 'Teach it your own things',
  explain:
    'Hold something before the camera, and hold the button of its class down. The room computes what a network notices, and this page remembers it: nothing is sent anywhere else.',
  classes: 'Classes',
  className: (number: number) => `Class ${number}`,
  nameLabel: (number: number) => `Name of class ${number}`,
  hold: 'Hold to collect',
  holdFor: (name: string) => `Hold to collect examples of ${name}`,
  holding: 'Collecting…',
  examples: (examples: number) => count(examples, 'example', 'examples'),
  full: 'That is enough of it.',
  forget: 'Forget',
  forgetOf: (name: string) => `Forget the examples of ${name}`,
  remove: 'Remove',
  removeOf: (name: string) => `Remove ${name}`,
  add: 'Add a class',
  keys: 'With the keyboard: hold the space bar.',
  needsSource: 'Show it something first.',
  needsTwo: 'Collect examples of two classes at least.',
  answer: 'What it takes this for',
  sure: (score: number) => `${Math.round(score * 100)} %`,
  said: (name: string) => name,
  save: 'Save',
  load: 'Load',
  fileName: 'peerceptron-classes.json',
  changes: 'Examples are what one network noticed: another network has to be shown them again.',
  forgotten: 'The network has changed: its examples were forgotten.',
  fileProblem: {
    what: 'This file cannot be loaded.',
    todo: 'Choose a file that this page has saved.',
  },
  otherNetwork: {
    what: 'These examples are of another network.',
    todo: 'Choose the network that they were collected with, then load the file again.',
  },
} as const;
