import type { Engine } from '../engine/engine.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { DeviceProfile } from '../planner/profile.ts';
import type { Capabilities } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { toPeerceptronError, type PeerceptronError } from '../shared/errors.ts';
import type { Device, PeerEvent, RefusedEngine } from './peer-state.ts';
import { problemOf } from './problem.ts';
import type { ServeEvent } from '../runtime/serve-peer.ts';

export interface TakePartOptions {
  readonly device: Device;
  /** Rejects with ENGINE_UNAVAILABLE, whose `details.refused` says why for each. */
  readonly chooseEngine: () => Promise<{
    readonly engine: Engine;
    readonly refused: readonly { readonly candidate: string; readonly reason: string }[];
  }>;
  readonly join: (capabilities: Capabilities) => Promise<Mesh>;
  /** How fast the device is, as it was measured before or as it is now. */
  readonly measure: (engine: Engine) => Promise<DeviceProfile>;
  readonly serve: (mesh: Mesh, engine: Engine, onEvent: (event: ServeEvent) => void) => void;
  readonly clock: Clock;
  readonly dispatch: (event: PeerEvent) => void;
}

const firstRetryMs = 2000;
const longestRetryMs = 15_000;

/**
 * The visit of one device to one room: engine, join, serve. Tells all that happens as events and never rejects;
 * resolves with the joined mesh, or nothing when this device cannot take part.
 */
export async function takePart(options: TakePartOptions): Promise<Mesh | undefined> {
  const { device, dispatch } = options;
  const chosen = await startEngine(options);
  if (!chosen) return undefined;
  void measureBeside(options, chosen);
  const mesh = await joinPatiently(options, {
    name: device.name,
    engine: chosen.name,
    accuracy: chosen.accuracy,
    ...(chosen.weightStorage ? { weightStorage: chosen.weightStorage } : {}),
    memoryBytes: device.memoryBytes,
    platform: device.platform,
    serves: true,
  });
  if (!mesh) return undefined;

  dispatch({ type: 'joined', self: mesh.self });
  // What happened before anybody could listen.
  dispatch({ type: 'mesh', event: { type: 'signaling', state: 'open' } });
  dispatch({ type: 'present', members: mesh.members });
  mesh.subscribe((event) => dispatch({ type: 'mesh', event }));
  options.serve(mesh, chosen, (event) => dispatch({ type: 'work', event }));
  return mesh;
}

async function startEngine({ chooseEngine, dispatch }: TakePartOptions): Promise<Engine | undefined> {
  try {
    const { engine, refused } = await chooseEngine();
    const { name, accuracy } = engine;
    dispatch({ type: 'engine', engine: { state: 'ready', name, accuracy, refused: named(refused) } });
    return engine;
  } catch (thrown) {
    const error = toPeerceptronError(thrown, 'ENGINE_UNAVAILABLE');
    const refused = refusedIn(error);
    dispatch({ type: 'engine', engine: { state: 'failed', problem: problemOf(error), refused } });
    return undefined;
  }
}

/** Begins at once, and holds up nothing. A device that could not be measured is, when somebody asks for its profile. */
async function measureBeside({ measure, dispatch }: TakePartOptions, engine: Engine): Promise<void> {
  dispatch({ type: 'measuring', measuring: true });
  await measure(engine).catch(() => undefined);
  dispatch({ type: 'measuring', measuring: false });
}

/** A server that does not answer may be starting, or the Wi-Fi may be: tried for ever. A refusal is final. */
async function joinPatiently(
  { join, clock, dispatch }: TakePartOptions,
  capabilities: Capabilities,
): Promise<Mesh | undefined> {
  for (let retryMs = firstRetryMs; ; retryMs = Math.min(longestRetryMs, retryMs * 2)) {
    try {
      return await join(capabilities);
    } catch (thrown) {
      const error = toPeerceptronError(thrown, 'SIGNALING_UNREACHABLE');
      if (error.code !== 'SIGNALING_UNREACHABLE' && error.code !== 'SIGNALING_LOST') {
        dispatch({ type: 'stopped', problem: problemOf(error) });
        return undefined;
      }
      dispatch({ type: 'mesh', event: { type: 'signaling', state: 'lost', error } });
      await new Promise<void>((resolve) => clock.after(retryMs, resolve));
    }
  }
}

const named = (
  refused: readonly { readonly candidate: string; readonly reason: string }[],
): readonly RefusedEngine[] => refused.map(({ candidate, reason }) => ({ name: candidate, reason }));

function refusedIn({ details }: PeerceptronError): readonly RefusedEngine[] {
  const { refused } = details;
  if (!Array.isArray(refused)) return [];
  return refused.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || !('candidate' in entry) || !('reason' in entry))
      return [];
    return [{ name: String(entry.candidate), reason: String(entry.reason) }];
  });
}
