import type { ErrorCode } from '../shared/errors.ts';
import type { MissingFeature, Phase, WakeLockState } from './peer-state.ts';
import type { TrialStep } from './trial-state.ts';
import type { Platform } from './trust/platform.ts';

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
  memory: 'Memory offered',
  screen: 'Screen',
  wakeLock: {
    held: 'kept awake while this page serves',
    released: 'may sleep; the page pauses with it',
    unavailable: 'cannot be kept awake here',
  } satisfies Record<WakeLockState, string>,
  missingTitle: 'Missing in this browser',
  missing: {
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
  trial: {
    title: 'Try it',
    explain: (count: number) =>
      `The room reads ${count} pictures of digits with a small network. Devices measure themselves and their connections, and the planner chooses who computes what.`,
    ask: 'Read the digits',
    again: 'Once more',
    notReady: 'As soon as this device is in the room.',
    tryAgain: 'Press the button again: everything is planned anew.',
    doing: {
      connecting: 'Connecting to the other devices…',
      planning: 'Measuring and planning…',
      loading: 'Loading weights…',
      asking: 'Reading one picture after the other…',
      rating: 'Measuring the rate…',
    } satisfies Record<TrialStep['step'], string>,
    loading: 'Weights on their way to the devices',
    right: (right: number, count: number) => `${right} of ${count} right.`,
    picture: (shown: string) => `A picture of the digit ${shown}`,
    sure: (score: number) => `${Math.floor(score * 100)} %`,
    wrong: 'wrong',
    self: 'this device',
    planned: (devices: readonly string[], offeredCount: number) =>
      offeredCount > devices.length
        ? `${devices.length} of ${offeredCount} devices: ${listOf(devices)} ${devices.length === 1 ? 'computes' : 'compute'}.`
        : `${capitalised(listOf(devices))} ${devices.length === 1 ? 'computes' : 'compute'}.`,
    gain: (gain: number) =>
      `Expected to be ${gain.toFixed(gain < 10 ? 1 : 0)} × as fast as the best single device.`,
    solo: 'For so small a network the best plan is one device.',
    notWorthIt: 'a plan with it is not better by enough to change over.',
    alone: 'Open the room link on more devices, and they are planned for, too.',
    expected: 'expected',
    measured: 'measured',
    latency: 'One picture',
    rate: (window: number) =>
      window === 1 ? 'Pictures per second' : `Pictures per second, ${window} at once`,
    leftOut: 'Left out, and why',
  },
  members: 'Other devices',
  noMembers: 'No other device yet. Open the room link on one.',
  memberState: {
    announced: 'in the room',
    connecting: 'connecting',
    connected: 'connected',
    failed: 'not reachable',
  },
  reconnecting: 'reconnecting',
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
  steps: { engine: 'Engine', signaling: 'Signaling', peers: 'Devices' },
  stepState: { done: 'done', doing: 'in progress', waiting: 'not yet', failed: 'failed' },
} as const;

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
  CHROMIUM_MISSING: { what: 'Chromium was not found.', todo: 'Install it, or set CHROMIUM_PATH.' },
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
