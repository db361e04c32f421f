import type { Clock } from '../../src/shared/clock.ts';
import { DevicePresence } from '../../src/mesh/device-presence.ts';
import type { Mesh } from '../../src/mesh/mesh.ts';
import type { DeviceProfile } from '../../src/planner/profile.ts';
import type { RoomLink } from '../../src/protocol/room-link.ts';
import { offerProfile } from '../../src/runtime/profile-service.ts';
import { servePeer, type ServeEvent } from '../../src/runtime/serve-peer.ts';
import { SharedDevice } from '../../src/runtime/shared-device.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { toPeerceptronError, type PeerceptronError } from '../../src/shared/errors.ts';
import type { OriginPolicy } from '../../src/weights/origin-policy.ts';
import { connectionProcessor } from '../connection-processor.ts';
import { openAllowed } from '../guarded-fetch.ts';
import { startEngine, type EngineName } from '../node-engine.ts';
import { joinNodeMesh, type JoinedNode, type NodeMeshOptions } from '../node-mesh.ts';
import { collectGarbage } from '../platform.ts';
import { aborted } from '../waiting.ts';
import type { WeightCache } from '../weight-cache.ts';
import type { BackOff } from './back-off.ts';
import type { PeerEvent } from './events.ts';
import { joinPatiently } from './join-patiently.ts';
import type { Stop } from './stop.ts';

export interface PeerLifeOptions {
  readonly link: RoomLink;
  readonly name: string;
  readonly engine: EngineName;
  /** Of the native engine. */
  readonly threads: number;
  readonly memoryBytes: number;
  readonly share: number;
  readonly policy: OriginPolicy;
  readonly cache: WeightCache;
  readonly clock: Clock;
  readonly stop: Stop;
  readonly emit: (event: PeerEvent) => void;
  /** How fast this device is; before anything else runs on `engine` where that can be had. */
  readonly measure: (engine: Engine, name: EngineName) => Promise<DeviceProfile>;
  /** Measures without being asked, while the room is entered. */
  readonly measuresAtOnce: boolean;
  /** Of a room that cannot be entered; absent: that is the end. */
  readonly backOff?: BackOff;
  readonly onDevice: (device: SharedDevice) => void;
  /** In the room, and out of it again. */
  readonly onMesh: (mesh: Mesh | undefined) => void;
  /** What programs that are no product put in the place of the product's own. */
  readonly parts: Pick<NodeMeshOptions, 'openRtc'>;
}

/** Why a life is over: told to stop, or its engine died, which another life makes good. */
export type PeerEnd =
  { readonly end: 'stopped' } | { readonly end: 'engine-lost'; readonly error: PeerceptronError };

/** From the start of an engine to its end: joins the room, computes what it is dealt, and leaves in order. */
export async function livePeer(options: PeerLifeOptions): Promise<PeerEnd> {
  const { emit, share } = options;
  const { threads } = options;
  const { engine, candidate, refused, timesMs } = await startEngine(options.engine, { threads });
  emit({
    type: 'engine',
    engine: engine.name,
    refused: refused
      .filter(({ slower }) => !slower)
      .map(({ candidate, reason }) => `${candidate}: ${reason}`),
    ...(timesMs ? { timesMs: Object.fromEntries(timesMs) } : {}),
  });
  try {
    const device = new SharedDevice({ engine, share, measure: () => options.measure(engine, candidate) });
    await device.setShare(share);
    options.onDevice(device);
    // The room need not wait for it.
    if (options.measuresAtOnce) void device.profile().catch(() => undefined);
    const joined = await enter(options, engine);
    return joined ? await serve(options, engine, device, joined) : { end: 'stopped' };
  } finally {
    await engine.dispose();
  }
}

function enter(options: PeerLifeOptions, engine: Engine): Promise<JoinedNode | undefined> {
  const { link, name, memoryBytes, parts, backOff, clock, stop, emit } = options;
  const join = (): Promise<JoinedNode> =>
    joinNodeMesh({
      link,
      name,
      ...parts,
      serves: {
        engine: engine.name,
        accuracy: engine.accuracy,
        ...(engine.weightStorage ? { weightStorage: engine.weightStorage } : {}),
        memoryBytes,
      },
    });
  return joinPatiently({
    join,
    backOff,
    clock,
    stop: stop.asked,
    onWaiting: (error, retryInMs) => emit({ type: 'waiting', error, retryInMs }),
    undo: ({ mesh }) => void mesh.leave(),
  });
}

async function serve(
  options: PeerLifeOptions,
  engine: Engine,
  device: SharedDevice,
  { mesh, node }: JoinedNode,
): Promise<PeerEnd> {
  const { link, memoryBytes, share, clock, cache, policy, stop, emit } = options;
  mesh.subscribe((event) => emit({ type: 'mesh', event }));
  options.onMesh(mesh);
  const presence = new DevicePresence({
    mesh,
    node,
    clock,
    facts: () => ({ share: device.share, macsPerSecond: device.macsPerSecond }),
  });
  let engineLost!: (error: PeerceptronError) => void;
  const engineDied = new Promise<PeerEnd>((resolve) => {
    engineLost = (error) => resolve({ end: 'engine-lost', error });
  });
  const onServe = (event: ServeEvent): void => {
    presence.onServe(event);
    emit({ type: 'serve', event });
    // One tile may fail of an engine that is well; one that is dead answers nothing any more.
    if (mayBeDeath(event)) engine.memory().catch((thrown) => engineLost(toPeerceptronError(thrown)));
  };
  const service = servePeer({
    node,
    engine,
    memoryBytes,
    clock,
    weights: { cache: cache.blocks, open: (url) => openAllowed(url, policy) },
    collectGarbage,
    onEvent: onServe,
  });
  offerProfile({ node, clock, profile: () => device.profile(), processor: connectionProcessor() });
  emit({ type: 'joined', id: mesh.self, room: link.room, memoryBytes, share });

  const end = await Promise.race([engineDied, aborted(stop.asked).then((): PeerEnd => ({ end: 'stopped' }))]);
  if (end.end === 'stopped') {
    emit({ type: 'leaving' });
    // Sessions that can do without this device do so first; whoever is in a hurry says so twice. Nobody waits for an orphan.
    await Promise.race([service.leave(), stop.urged]);
  }
  await service.close();
  await mesh.leave();
  options.onMesh(undefined);
  return end;
}

const mayBeDeath = (event: ServeEvent): boolean =>
  (event.type === 'tile-failed' || event.type === 'session-refused') && event.error.code === 'ENGINE_FAILED';
