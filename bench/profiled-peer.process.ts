import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { measureNodeDevice } from '../headless/device-profile.ts';
import { joinNodeMesh } from '../headless/node-mesh.ts';
import { parseEngineName, startEngine } from '../headless/node-engine.ts';
import { defaultMemoryOffer, parseByteSize } from '../headless/platform.ts';
import type { PeerEvent } from '../headless/commands/join.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import { parseRoomLink } from '../src/protocol/room-link.ts';
import { offerProfile } from '../src/runtime/profile-service.ts';
import { servePeer } from '../src/runtime/serve-peer.ts';

/**
 * A peer as `join --json --parent` is one, but for one thing: when its engine has started it waits for a line on stdin before
 * it measures itself and joins. By then whoever started it has made a small device of it. For `startPeerProcesses` with
 * `onEngine`; weights are not cached.
 */
const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'peer' },
    memory: { type: 'string' },
    engine: { type: 'string', default: 'auto' },
    json: { type: 'boolean' },
    parent: { type: 'boolean' },
    cache: { type: 'string' },
    'no-cache': { type: 'boolean' },
    'cache-limit': { type: 'string' },
    'allow-origin': { type: 'string', multiple: true },
  },
  allowPositionals: true,
});

const emit = (event: PeerEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const lines = createInterface({ input: process.stdin });
const firstLine = new Promise<void>((resolve) => lines.once('line', () => resolve()));
const parentGone = new Promise<void>((resolve) => lines.once('close', () => resolve()));

const link = parseRoomLink(process.env.PEERCEPTRON_URL ?? '');
const memoryBytes = values.memory ? parseByteSize(values.memory) : defaultMemoryOffer();
const { engine } = await startEngine(parseEngineName(values.engine));
emit({ type: 'engine', engine: engine.name, refused: [] });
await Promise.race([firstLine, parentGone]);

const profile = await measureNodeDevice(engine);
emit({ type: 'profile', profile, measured: true });
const { mesh, node } = await joinNodeMesh({
  link,
  name: values.name,
  serves: {
    engine: engine.name,
    accuracy: engine.accuracy,
    ...(engine.weightStorage ? { weightStorage: engine.weightStorage } : {}),
    memoryBytes,
  },
});
const service = servePeer({
  node,
  engine,
  memoryBytes,
  clock: systemClock,
  onEvent: (event) => emit({ type: 'serve', event }),
});
offerProfile({ node, clock: systemClock, profile: () => Promise.resolve(profile) });
emit({ type: 'joined', id: mesh.self, room: link.room, memoryBytes });

await Promise.race([
  parentGone,
  new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  }),
]);
await service.close();
await mesh.leave();
await engine.dispose();
