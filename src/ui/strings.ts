import type { PathStage } from '../runtime/trace/critical-path.ts';
import type { ErrorCode } from '../shared/errors.ts';
import type { CameraReason } from './demo/camera-problem.ts';
import type { Reading } from './demo/frame-reader.ts';
import { formatBytes } from './format.ts';
import type { Platform } from './trust/platform.ts';
import type { Stage } from './waterfall/waterfall-rows.ts';
import type {
  CheckState,
  Departure,
  HappeningKind,
  LoadStep,
  MissingFeature,
  NodeState,
  Phase,
  WakeLockState,
} from './worded-states.ts';

/** Every sentence of the page, so that wording is judged, and translated, in one place. */
export const strings = {
  title: 'Peerceptron',
  tagline: 'Devices in one room, running one neural network together.',
  noRoom: {
    title: 'No room yet',
    invalidTitle: 'This link does not lead to a room',
    explain:
      'A room is a link. Every device that opens the same link joins the same room, and the devices share the work of one neural network. The part after the # is the key: it never reaches the server.',
    create: 'Create a room',
    created: 'Your room is ready',
    share: 'Open this link here and on every device that should take part. Treat it like a password.',
    enter: 'Enter the room',
  },
  copy: 'Copy link',
  share: 'Share link',
  shareText: 'Open this link on a device that should take part.',
  copied: 'Copied',
  copyFailed: 'Copying is not allowed here: select the link and copy it by hand.',
  linkLabel: 'Room link',
  invite: 'Invite another device',
  inviteExplain:
    'Scan the code or open the link. Whoever has it can join, so show it only to people you trust.',
  qrLabel: 'Room link as a QR code',
  noWebRtc: 'This browser has no WebRTC, or it is switched off: use another browser.',
  stopped: 'This page has stopped',
  reload: 'Reload',
  connection: 'Connection',
  device: 'This device',
  deviceName: 'Name',
  deviceId: 'Id in the room',
  platform: 'Platform',
  engine: 'Engine',
  engineChoosing: 'testing…',
  engineNone: 'none works here',
  measuring: 'measuring this device…',
  accuracy: { f32: '32-bit, exact', f16: '16-bit, only for plans that allow rounding' },
  refusedEngines: 'Not used, and why',
  screen: 'Screen',
  wakeLock: {
    held: 'kept awake while this page serves',
    released: 'may sleep; the page pauses with it',
    unavailable: 'cannot be kept awake here',
  } satisfies Record<WakeLockState, string>,
  missingTitle: 'Missing in this browser',
  missing: {
    'secure-context':
      'Https: browsers give camera, wake lock and threads to secure pages alone. Start the server with serve --https and trust its certificate once, or open this page on the computer that serves it.',
    threads: 'Threads: this page is not isolated (plain http, or an old browser), so wasm runs on one core.',
    'wake-lock':
      'Wake lock: needs https and a current browser. Keep the screen on by hand, or this device may fall asleep.',
  } satisfies Record<MissingFeature, string>,
  work: 'What this device computes',
  noWork: 'Nothing right now. Work arrives when a device in the room starts a session.',
  loadingWeights: 'Loading the weights of its part',
  computingWeights: 'Computing random weights for its part',
  loadedOf: (done: string, total: string) => `${done} of ${total}`,
  loadingRate: (rate: string, left: string) => `${rate}/s, ${left} left`,
  tilesReady: 'Warming up',
  tilesReadyOf: (ready: number, count: number) =>
    `${ready} of ${count === 1 ? '1 tile' : `${count} tiles`} ready`,
  randomWeights: (seed: number) => `Random weights (seed ${seed}): a test, the answers mean nothing.`,
  framesSoFar: (frames: number) => `${frames === 1 ? '1 frame' : `${frames} frames`} computed so far.`,
  weights: 'of weights',
  frames: 'Frames',
  computeTime: 'Per tile',
  lastTime: 'Last tile',
  tileOps: (first: string, last: string) => (first === last ? first : `${first} to ${last}`),
  opsOf: (start: number, end: number, total: number) =>
    end - start === 1 ? `op ${start + 1} of ${total}` : `ops ${start + 1}–${end} of ${total}`,
  noTiles: 'No tile of this plan is on this device.',
  plan: {
    title: 'Who computes, and why',
    none: 'Nothing is planned yet.',
    self: 'this device',
    planned: (devices: readonly string[], offeredCount: number) =>
      offeredCount > devices.length
        ? `${devices.length} of ${offeredCount} devices: ${listOf(devices)} ${devices.length === 1 ? 'computes' : 'compute'}.`
        : `${capitalised(listOf(devices))} ${devices.length === 1 ? 'computes' : 'compute'}.`,
    gain: (gain: number) =>
      `Expected to be ${gain.toFixed(gain < 10 ? 1 : 0)} × as fast as the best single device.`,
    solo: 'For a network of this size the best plan is one device.',
    notWanted: 'it was left out on purpose.',
    notWorthIt: 'a plan with it is not better by enough to change over.',
    alone: 'Open the room link on more devices, and they are planned for, too.',
    expected: 'expected',
    measured: 'measured',
    latency: 'One picture',
    rate: (window: number) =>
      window === 1 ? 'Pictures per second' : `Pictures per second, ${window} at once`,
    leftOut: 'Left out, and why',
  },
  noMembers: 'No other device yet. Open the room link on one.',
  unnamed: 'Device',
  asks: 'asks, does not compute',
  problems: 'What went wrong lately',
  whatToDo: 'What to do:',
  phase: {
    starting: 'Getting this device ready',
    connecting: 'Connecting to the room',
    alone: 'In the room, waiting for other devices',
    ready: 'In the room, ready to compute',
    working: 'Computing',
    paused: 'Paused, computing nothing',
    leaving: 'Leaving the room',
    lost: 'Connection to the room lost, trying again',
    failed: 'This device cannot take part',
  } satisfies Record<Phase, string>,
  notJoined: 'Not in the room yet.',
  peers: (connected: number, present: number) => {
    if (present === 0) return 'Nobody else is here.';
    const others = present === 1 ? '1 other device' : `${present} other devices`;
    return connected === 0
      ? `${others} here. Connections are made when work needs them.`
      : `${others} here, ${connected} connected.`;
  },
  part: ({
    model,
    runs,
    percent,
    rate,
  }: {
    readonly model: string;
    /** From 1, last ops included. */
    readonly runs: readonly (readonly [number, number])[];
    readonly percent: number;
    readonly rate?: string;
  }) =>
    `This device does ${runsOf(runs)} of ${model}, ${percent} % of the work${rate ? `, ${rate} frames/s` : ''}.`,
  loadingView: 'Loading …',
  views: {
    label: 'Views of the room',
    demo: 'Demo',
    teach: 'Teach',
    mesh: 'Mesh',
    network: 'Network',
    frames: 'Frames',
    device: 'This device',
  },
  left: {
    title: 'This device has left the room',
    explain: (frames: number) =>
      frames === 0
        ? 'Others have been told.'
        : `Others have been told, and go on without it. It computed ${frames === 1 ? '1 frame' : `${frames} frames`}.`,
    back: 'Join again',
  },
  checkState: {
    done: 'fine',
    doing: 'in progress',
    waiting: 'not yet',
    warning: 'not as it could be',
    failed: 'failed',
  } satisfies Record<CheckState, string>,
  preflight: {
    speed: 'Speed',
    macs: (count: string) => `${count} multiply-accumulates per second, measured`,
    notMeasured: 'not measured yet',
    memory: 'Memory',
    memoryOffered: (size: string) => `${size} offered`,
    links: 'Links',
    noOthers: 'nobody else is here',
    notConnected: 'made when work needs them',
    routes: ({ connected, direct, relayed, failed }: RouteCounts) =>
      [
        direct > 0 ? `direct to ${devices(direct)}` : '',
        relayed > 0 ? `by way of a relay to ${devices(relayed)}, which is slower` : '',
        connected > direct + relayed ? `connected to ${devices(connected - direct - relayed)}` : '',
        failed > 0 ? `${devices(failed)} out of reach` : '',
      ]
        .filter(Boolean)
        .join('; '),
    page: 'Page',
    secure: 'secure, with all that it needs',
    incomplete: 'works with what this browser has',
    insecure: 'plain http: works, without what browsers give to secure pages alone',
    battery: 'Battery',
    charge: (percent: number, charging: boolean) => `${percent} %${charging ? ', charging' : ''}`,
  },
  controls: {
    title: 'What it gives',
    share: 'Share of the processor',
    percent: (percent: number) => `${Math.round(percent)} %`,
    memory: (size: string) => `Memory for weights and activations: ${size}`,
    restBelow: 'Rest while on battery, at or below',
    restNever: 'never',
    noBattery: 'This browser does not tell the charge, so the device never rests by itself.',
    pause: 'Pause',
    resume: 'Go on',
    leave: 'Leave the room',
    leaving: 'Handing over what it computes…',
    pausing: {
      asked: 'Handing over what it computes; then it rests.',
      battery: 'The battery is low: handing over what it computes.',
    },
    paused: {
      asked: 'Resting. Plans do without this device.',
      battery: 'Resting until the battery is charged. Plans do without this device.',
    },
  },
  mesh: {
    title: 'The mesh',
    devices: (count: number) => (count === 1 ? '1 device' : `${count} devices`),
    summary: (deviceCount: number, flows: number) =>
      `Picture of the mesh: ${devices(deviceCount)}, ${flows === 1 ? '1 flow' : `${flows} flows`} of data. The list has the same in words.`,
    loads: { low: 'idle or little to do', middle: 'busy', high: 'near its limit' },
    thickness: 'Lines: the thicker, the more bytes',
    news: 'What happened',
    noNews: 'Nothing since this device came.',
    happening: {
      joined: (name) => `${name} has come.`,
      left: (name) => `${name} has left.`,
      lost: (name) => `${name} is out of reach.`,
      interrupted: (name) => `The connection to ${name} broke; it is being rebuilt.`,
      restored: (name) => `The connection to ${name} is there again.`,
      paused: (name) => `${name} pauses.`,
      resumed: (name) => `${name} computes again.`,
      'set-aside': (name) => `${name} has failed: plans do without it for a while.`,
      readmitted: (name) => `${name} is planned with again.`,
    } satisfies Record<HappeningKind, (name: string) => string>,
    states: {
      self: 'this device',
      announced: 'in the room',
      connecting: 'connecting',
      connected: 'connected',
      idle: 'does not compute',
      reconnecting: 'reconnecting',
      failed: 'not reachable',
      departed: 'has left',
    } satisfies Record<NodeState | 'idle', string>,
    setAside: 'set aside after a failure',
    speed: (count: string) => `${count} MAC/s`,
    memory: (size: string) => `${size} offered`,
    share: (percent: number) => `gives ${percent} %`,
    battery: (percent: number, charging: boolean) => `battery ${percent} %${charging ? ', charging' : ''}`,
    route: { direct: 'direct link', relayed: 'link by way of a relay' },
    busy: (percent: number) => `${percent} % busy`,
    rate: (rate: string) => `${rate} frames/s`,
    work: (model: string, runs: readonly (readonly [number, number])[], percent: number) =>
      `${runsOf(runs.map(([start, end]) => [start + 1, end] as const))} of ${model} (${percent} % of the work)`,
    sends: (rate: string, to: string) => `${rate} to ${to}`,
  },
  network: {
    title: 'The network',
    none: 'No network is spread over devices now. Start one in Demo, here or on another device.',
    of: (model: string) => `The network ${model}`,
    session: 'Which one',
    ownSession: (model: string) => `${model}, started here`,
    otherSession: (model: string) => `${model}, started by another device`,
    summary: (ops: number, peers: number) =>
      `Strip of ${ops} ops over ${devices(peers)}: the wider an op, the more it computes; bands show how it is split.`,
    chooseOp: 'Op to look at',
    opName: (index: number, count: number, id: string) => `Op ${index + 1} of ${count}: ${id}`,
    facts: ({ kind, shape, macs, percent }: OpFacts) =>
      `${kind}, makes ${shape}${macs ? `; ${macs} multiply-accumulates, ${percent} % of the network` : ''}`,
    makes: (box: string, size: string) => `${box} (${size})`,
    partialSum: 'as a partial sum',
    sends: (size: string) => `sends ${size} per frame`,
    tile: (start: number, end: number) =>
      end - start === 1 ? `Op ${start + 1}` : `Ops ${start + 1}–${end} together`,
    expected: (time: string) => `${time} expected`,
    measured: (time: string) => `${time} measured`,
    weights: (size: string) => `${size} of weights`,
  },
  preview: {
    title: 'Another plan',
    notOwn: 'Plans are chosen by the device that started the network: look there.',
    closed: 'The session is over: start it again in Demo to compare plans.',
    explain: 'See what another plan would do before it is used. Nothing changes until then.',
    objective: 'What matters',
    objectives: { latency: 'one frame as fast as can be', throughput: 'many frames per second' },
    devices: 'Devices to plan with',
    ask: 'Preview',
    computing: 'Looking for plans…',
    same: 'This is the plan that runs.',
    gain: (gain: number) =>
      gain >= 1
        ? `Expected to be ${gain.toFixed(gain < 10 ? 2 : 0)} × as good as the plan that runs.`
        : `Expected to be ${(1 / gain).toFixed(1 / gain < 10 ? 2 : 0)} × worse than the plan that runs.`,
    now: 'now',
    then: 'then',
    latency: 'One frame, expected',
    rate: 'Frames per second, expected',
    apply: 'Use this plan',
  },
  waterfall: {
    title: 'One frame through the mesh',
    none: 'Frames are recorded by the device that asks. Start something in Demo first.',
    noFrame: 'No frame with a result has been recorded yet.',
    take: 'Show the latest frames',
    again: 'Show newer frames',
    collecting: 'Collecting from the devices…',
    download: 'Download trace',
    frame: (count: number) => `Frame (${count} recorded)`,
    frameName: (frame: number) => `frame ${frame + 1}`,
    latency: (frame: number, latency: string) => `Frame ${frame + 1} took ${latency}.`,
    slowest: ({ frame, latency, what, time, percent }: SlowestStep) =>
      `Frame ${frame + 1} took ${latency}; ${what} took most of it: ${time}, ${percent} %.`,
    resource: {
      compute: (device: string) => `computing on ${device}`,
      handling: (device: string) => `copying pieces on ${device}`,
    },
    rate: {
      resource: ({ what, percent, rate }: RateBound) =>
        `The rate is bounded by ${what}, busy ${percent} % of the time: ${rate} frames per second at most.`,
      latency: ({ what, rate, inFlight }: RateBound) =>
        `With ${inFlight} frames in flight the latency bounds the rate; with more of them ${what} would, at ${rate} frames per second.`,
    },
    step: {
      compute: (device) => `computing on ${device}`,
      queue: (device) => `waiting for the engine of ${device}`,
      transfer: (device, from) => `the way from ${from ?? device} to ${device}`,
      encode: (device) => `cutting out pieces on ${device}`,
      assemble: (device) => `putting pieces into place on ${device}`,
      unknown: () => 'something that no device has recorded',
    } satisfies Record<PathStage, (device: string, from?: string) => string>,
    stages: {
      wait: 'waiting',
      receive: 'receiving',
      compute: 'computing',
      encode: 'encoding',
      send: 'sending',
    } satisfies Record<Stage, string>,
    path: 'What it waited for',
    chartLabel: (rows: number, latency: string) =>
      `Chart of one frame over ${devices(rows)}, ${latency}. The table below has the same in numbers.`,
    bar: ({ stage, time, ops, other, sizeBytes }: BarFacts) =>
      [
        `${stage} ${time}`,
        ops ? (ops[0] === ops[1] ? `op ${ops[0]}` : `ops ${ops[0]}–${ops[1]}`) : '',
        other ?? '',
        sizeBytes === undefined ? '' : formatBytes(sizeBytes),
      ]
        .filter(Boolean)
        .join(', '),
    asTable: 'As a table',
    device: 'Device',
  },
  steps: { engine: 'Engine', signaling: 'Signaling', peers: 'Devices' },
  stepState: { done: 'done', doing: 'in progress', waiting: 'not yet', failed: 'failed' },
} as const;

interface RouteCounts {
  readonly connected: number;
  readonly direct: number;
  readonly relayed: number;
  readonly failed: number;
}

interface OpFacts {
  readonly kind: string;
  readonly shape: string;
  readonly macs: string | undefined;
  readonly percent: number;
}

interface SlowestStep {
  readonly frame: number;
  readonly latency: string;
  readonly what: string;
  readonly time: string;
  readonly percent: number;
}

interface RateBound {
  readonly what: string;
  readonly percent: number;
  readonly rate: string;
  readonly inFlight: string;
}

interface BarFacts {
  readonly stage: string;
  readonly time: string;
  /** From 1, the last one included. */
  readonly ops?: readonly [number, number];
  readonly other?: string;
  readonly sizeBytes?: number;
}

const devices = (count: number): string => (count === 1 ? '1 device' : `${count} devices`);

/** `op 3`, `ops 4–7 and 9`: half-open no more, counted from 1. */
function runsOf(runs: readonly (readonly [number, number])[]): string {
  const parts = runs.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  const isOne = runs.length === 1 && runs[0]![0] === runs[0]![1];
  return `${isOne ? 'op' : 'ops'} ${listOf(parts)}`;
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `a`, `a and b`, `a, b and c`. */
function listOf(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
}

interface ErrorText {
  /** What happened, for somebody who has never heard of the protocol. */
  readonly what: string;
  readonly todo: string;
}

/** What to do about errors that are for whoever asks to mend. */
export const asksElsewhere =
  'The device that started the session has to mend this; this one stays in the room.';
const update = 'Reload this page, and update Peerceptron on the other devices.';

export const errorTexts: Record<ErrorCode, ErrorText> = {
  GRAPH_INVALID: { what: 'The network description cannot be used.', todo: asksElsewhere },
  GRAPH_SHAPE: { what: 'The network description has shapes that do not fit.', todo: asksElsewhere },
  BOX_INVALID: { what: 'A tile lies outside its tensor.', todo: asksElsewhere },
  OP_UNSUPPORTED: { what: 'The network uses an operation that this version lacks.', todo: update },
  PLAN_INVALID: { what: 'The plan breaks a rule and was refused.', todo: asksElsewhere },
  PLAN_MEMORY: {
    what: 'The plan needs more memory than this device offers.',
    todo: 'Close other tabs and reload, or let more devices join.',
  },
  PLAN_NO_PEERS: {
    what: 'No device in the room can compute.',
    todo: 'Open the room link on another device.',
  },
  PLAN_RATE: {
    what: 'The devices in this room cannot reach the frame rate that was asked for.',
    todo: 'Ask for less, or open the room link on more devices.',
  },
  DEVICES_INVALID: {
    what: 'The description of the devices to plan for cannot be read.',
    todo: 'Correct the place that the details name.',
  },
  MODEL_NOT_FOUND: { what: 'The model was not found.', todo: 'Check its name or path.' },
  MODEL_CORRUPT: { what: 'The model file is damaged.', todo: 'Download or export it again.' },
  MODEL_UNSUPPORTED: {
    what: 'The model has parts that cannot be read.',
    todo: 'See the list of supported models.',
  },
  WEIGHTS_MISSING: { what: 'The model lacks a weight that the plan needs.', todo: asksElsewhere },
  WEIGHTS_CORRUPT: {
    what: 'Weights arrived damaged.',
    todo: 'Download the model again on the device that has it.',
  },
  WEIGHTS_UNAVAILABLE: {
    what: 'Weights could not be fetched.',
    todo: 'Check that the device with the model is still there.',
  },
  ORIGIN_REFUSED: {
    what: 'This device does not fetch from that server.',
    todo: 'Serve the model from the server of the room, or let the device with the model send it.',
  },
  INPUT_INVALID: { what: 'The input does not fit the network.', todo: asksElsewhere },
  OUTPUT_UNWRITABLE: { what: 'A file cannot be written.', todo: asksElsewhere },
  ENGINE_UNAVAILABLE: {
    what: 'No engine of this browser computes right.',
    todo: 'Update the browser, or try another one.',
  },
  ENGINE_FAILED: {
    what: 'The computation failed on this device.',
    todo: 'Reload the page; if it fails again, use another browser.',
  },
  ENGINE_MEMORY: { what: 'This device ran out of memory.', todo: 'Close other tabs and reload.' },
  ENGINE_INSTALL: { what: 'The native engine could not be installed.', todo: asksElsewhere },
  PROTOCOL_VERSION: { what: 'Two devices run different versions.', todo: update },
  PROTOCOL_MALFORMED: {
    what: 'Another device sent something unreadable; its connection was closed.',
    todo: update,
  },
  PROTOCOL_LIMIT: {
    what: 'Another device sent more than is allowed; its connection was closed.',
    todo: update,
  },
  CODEC_RANGE: {
    what: 'A tensor holds numbers that its codec cannot carry.',
    todo: 'Let it travel as f32 or f16: the plan names the codec.',
  },
  PROTOCOL_ORDER: { what: 'Another device spoke out of turn; its connection was closed.', todo: update },
  AUTH_FAILED: {
    what: 'A device could not prove that it knows the room’s secret.',
    todo: 'Open exactly the same link on every device.',
  },
  LINK_CLOSED: { what: 'A connection was closed.', todo: 'Nothing; it is opened again when it is needed.' },
  LINK_TIMEOUT: {
    what: 'A device did not answer in time.',
    todo: 'Bring both devices into the same network, and keep their screens on.',
  },
  LINK_NO_ROUTE: {
    what: 'No way through the network to a device.',
    todo: 'Bring both into the same network; guest Wi-Fi often keeps devices apart.',
  },
  LINK_LOST: { what: 'A connection broke.', todo: 'Check the Wi-Fi of both devices; it is tried again.' },
  STREAM_CANCELLED: { what: 'A transfer was cancelled.', todo: 'Nothing; it was no longer needed.' },
  ROOM_LINK_INVALID: {
    what: 'This is not a complete room link.',
    todo: 'Copy the whole link, with all that follows the #.',
  },
  ROOM_FULL: {
    what: 'The room is full.',
    todo: 'Close the page on a device that is not needed, then reload.',
  },
  SIGNALING_UNREACHABLE: {
    what: 'The server of this room does not answer.',
    todo: 'Check that it runs and that this device is in its network; it is tried again.',
  },
  SIGNALING_REFUSED: {
    what: 'The server refused this device.',
    todo: 'Open the link at the address that the server prints.',
  },
  SIGNALING_LOST: {
    what: 'The connection to the server broke.',
    todo: 'Check the network; it is tried again.',
  },
  PORT_TAKEN: { what: 'The port is in use.', todo: 'Choose another one with --port.' },
  CERTIFICATE_INVALID: {
    what: 'The certificate of the server cannot be used.',
    todo: 'Do what its message says where the server runs.',
  },
  SESSION_REFUSED: { what: 'The session was refused.', todo: asksElsewhere },
  SESSION_CLOSED: { what: 'The session is over.', todo: 'Nothing; the next one starts by itself.' },
  FRAME_FAILED: { what: 'One frame could not be computed.', todo: asksElsewhere },
  FRAME_DROPPED: { what: 'One frame was dropped on purpose.', todo: 'Nothing; newer frames follow.' },
  FRAME_TIMEOUT: { what: 'One frame took too long.', todo: asksElsewhere },
  PEER_LOST: { what: 'A device left in the middle of the work.', todo: 'Nothing; the work is dealt anew.' },
  USAGE: { what: 'The command was not understood.', todo: 'See --help.' },
  SERVICE_UNAVAILABLE: {
    what: 'The service cannot be managed.',
    todo: 'Run the command as root, on a machine with systemd.',
  },
  PLATFORM_UNSUPPORTED: {
    what: 'This system is not supported.',
    todo: 'Use a 64-bit system and a current Node.js.',
  },
  CHROMIUM_MISSING: { what: 'Chromium was not found.', todo: 'Install it, or set CHROMIUM_PATH.' },
  CERTUTIL_MISSING: { what: 'certutil was not found.', todo: 'Install the package libnss3-tools.' },
  INTERNAL: {
    what: 'Something unexpected happened here.',
    todo: 'Reload the page, and report it with the details below.',
  },
};

/** What a page says of itself, above everything else. */
export const httpsStrings = {
  noticeLabel: 'This page came over plain http',
  notice:
    'This page came over plain http, where a browser gives it no camera, only one thread, and no way to keep the screen on. Let this device trust the server once, and it gets all of that.',
  noticeLink: 'How to do that',
  silenceLabel: 'The server does not answer',
  silence: 'Trying again…',
} as const;

/** The page `/trust`. */
export const trustStrings = {
  title: 'Trust this server',
  asking: 'Asking the server…',
  silentTitle: 'The server does not answer',
  silent: 'Check that it runs and that this device is in its network, then reload this page.',
  noneTitle: 'There is nothing to trust here',
  none: 'This server has no certificate authority of its own. Either it speaks plain http only (start it with serve --https), or it has a certificate that browsers know.',
  finding: 'Finding out whether this device trusts the server…',
  untrusted: {
    title: 'Get the camera and full speed on this device',
    explain:
      'Browsers give cameras, threads and a screen that stays awake to pages over https only. This device takes three steps for that, once.',
  },
  trusted: {
    title: 'This device trusts the server',
    explain: 'Pages of this server work over https here, with camera, threads and wake lock.',
  },
  otherAddress: {
    title: 'Https works at another address of this server',
    explain:
      'Its certificate is for private addresses only, and this one is public. Open this page at the other address, and go on there.',
    none: 'Its certificate is for private addresses only, and it has none. Start it with a certificate for this address: serve --cert … --key …',
  },
  openRoom: 'Open the room',
  openPage: 'Open the page',
  openPlain: 'Go on without: open the room over plain http',
  how: 'How this device trusts the server',
  platforms: {
    android: {
      name: 'Android',
      file: 'peerceptron-ca.crt',
      download: 'Download the certificate.',
      steps: [
        'Open Settings and search for “CA certificate” (Security and privacy, More security settings, Install from storage).',
        'Choose “CA certificate”, then “Install anyway”, and pick peerceptron-ca.crt from the downloads.',
        'Come back to this page: it notices.',
      ],
    },
    ios: {
      name: 'iPhone and iPad',
      file: 'peerceptron.mobileconfig',
      download: 'Download the profile: in Safari, and allow the download.',
      steps: [
        'Open Settings, tap “Profile Downloaded” at the top, then “Install”.',
        'In Settings, General, About, Certificate Trust Settings (at the very end), switch on the one that begins with “Peerceptron on”.',
        'Come back to this page: it notices.',
      ],
    },
    mac: {
      name: 'Mac',
      file: 'peerceptron-ca.crt',
      download: 'Download the certificate.',
      steps: [
        'Open the downloaded file: Keychain Access adds it to the login keychain.',
        'In Keychain Access, double-click the certificate that begins with “Peerceptron on”, open “Trust”, and set “Secure Sockets Layer (SSL)” to “Always Trust”. Firefox follows.',
        'Come back to this page: it notices.',
      ],
    },
    windows: {
      name: 'Windows',
      file: 'peerceptron-ca.crt',
      download: 'Download the certificate.',
      steps: [
        'Open the downloaded file, choose “Install Certificate”, “Current User”, then “Place all certificates in the following store”.',
        'Browse to “Trusted Root Certification Authorities”, finish, and confirm. Chrome, Edge and Firefox follow.',
        'Come back to this page: it notices.',
      ],
    },
    chromeos: {
      name: 'ChromeOS',
      file: 'peerceptron-ca.crt',
      download: 'Download the certificate.',
      steps: [
        'Open chrome://certificate-manager, “Custom”, “Trusted Certificates”, and import the file.',
        'Confirm that it may identify websites.',
        'Come back to this page: it notices.',
      ],
    },
    linux: {
      name: 'Linux and Raspberry Pi OS',
      file: 'peerceptron-ca.crt',
      download: 'Download the certificate.',
      steps: [
        'Chromium: open chrome://certificate-manager, “Custom”, “Trusted Certificates”, and import the file. Without a mouse: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Peerceptron -i peerceptron-ca.crt (package libnss3-tools).',
        'Firefox: Settings, Privacy and Security, View Certificates, Authorities, Import; tick “identify websites”.',
        'Come back to this page: it notices.',
      ],
    },
  } satisfies Record<
    Platform,
    {
      readonly name: string;
      readonly file: string;
      readonly download: string;
      readonly steps: readonly string[];
    }
  >,
  about: {
    title: 'What you trust',
    explain:
      'A certificate authority that this server made for itself. It is valid for private names and addresses only (10.…, 172.16.…, 192.168.…, names ending in .local and the like), so it cannot pose as any site on the internet.',
    name: 'Name',
    until: 'Valid until',
    fingerprint: 'SHA-256',
    compare: 'Compare it with what the terminal of the server prints, where you do not trust the network.',
    undo: 'To undo it, remove the certificate in the same place where you added it.',
    otherDevice: 'This page on another device',
    qrLabel: 'Address of this page as a QR code',
  },
} as const;

/** The parts of the page that show something to a network. */
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
  front: 'Front: it looks at me',
  back: 'Back: it looks away',
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
  } satisfies Record<LoadStep, string>,
  gone: {
    lost: (name: string) => `${capitalised(name)} has gone: the room goes on without it.`,
    leaving: (name: string) => `${capitalised(name)} computes no longer: the room goes on without it.`,
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
  filePreset: (name: string, file: string) => `${name} with the weights of ${file}.`,
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
  } satisfies Record<CameraReason, ErrorText>,
} as const;

export const demoStrings = {
  title: 'Show it to the room',
  explain: 'The devices in this room compute a network together on what you show to it.',
  answer: 'What the room sees',
  noAnswer: 'Nothing yet.',
  nothing: 'No digit found. Hold one so that its paper is all around it, dark on light or light on dark.',
  noClasses: 'The answer of this network is no list of classes: rates and latency are right all the same.',
  unnamed: (index: number) => `class ${index}`,
  /** Of a thousand classes the best one may have a hundredth. */
  sure: (score: number) =>
    `${score < 0.1 ? (Math.floor(score * 1000) / 10).toFixed(1) : Math.floor(score * 100)} %`,
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
  holdingFor: (name: string) => `Collecting… examples of ${name}`,
  examples: (count: number) => (count === 1 ? '1 example' : `${count} examples`),
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

/** The page `/kiosk`. */
export const kioskStrings = {
  title: 'Peerceptron kiosk',
  room: 'Room',
  noRoom: 'No room',
  noRoomTodo: 'Open this page with a room: the link that serve prints, with kiosk in front of the #.',
  noWork: 'No work at the moment',
  figures: 'What this device does',
  framesPerSecond: 'frames per second',
  noFrames: '–',
  part: 'of the work',
  engine: 'Engine',
  measuring: 'measuring',
  devices: 'Other devices',
  devicesHere: (count: number) => (count === 0 ? 'none' : String(count)),
  tiles: 'Computes',
  frames: 'Frames so far',
  screen: 'Screen',
  missing: 'Missing here',
  missingFeatures: (features: readonly string[]) =>
    `${features.join(', ').replaceAll('-', ' ')}: open /trust of this server`,
  reloading: 'This page reloads by itself as soon as the server answers.',
} as const;
