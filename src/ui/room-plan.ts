import type { Member } from '../mesh/mesh.ts';
import type { Plan } from '../planner/plan.ts';
import type { ChosenPlan } from '../runtime/planned-session.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import { deviceName } from './device-name.ts';
import { errorTexts, strings } from './strings.ts';

/** A device that has nothing to do in the plan. */
export interface LeftOutDevice {
  readonly name: string;
  readonly why: string;
}

/** What the planner has chosen, in the words of people. */
export interface RoomPlan {
  /** Of the session; a plan keeps its number while the room around it changes. */
  readonly epoch: number;
  /** Names of the devices that compute, in the order of the plan. */
  readonly devices: readonly string[];
  /** Devices that the planner could choose among. */
  readonly offeredCount: number;
  /** Pictures in flight at once, at most. */
  readonly window: number;
  /** Absent where nothing could be predicted: this device computes because nobody else is left. */
  readonly expected?: {
    /** Of a picture that is alone in the room. */
    readonly latencyMs: number;
    readonly framesPerSecond: number;
    /** How many times as fast as the best single device; absent where no single one can hold the model. */
    readonly gain?: number;
  };
  readonly leftOut: readonly LeftOutDevice[];
}

export interface PlannedRoom {
  readonly self: PeerId;
  readonly members: ReadonlyMap<PeerId, Member>;
}

export interface KnownChoices {
  /** Of the plan in use; absent where nobody chose it. */
  readonly chosen?: ChosenPlan | undefined;
  /** The last one, of the same plan or of one that was not worth a switch: it knows the room as it is. */
  readonly latest?: ChosenPlan | undefined;
  /** Devices that people want to have nothing to do. */
  readonly without?: readonly PeerId[];
}

/** A plan for people: what was chosen, who has nothing to do in it, and who could not even be asked. */
export function roomPlan(
  { plan, window }: { readonly plan: Plan; readonly window: number },
  { chosen, latest = chosen, without = [] }: KnownChoices,
  silent: ReadonlyMap<PeerId, PeerceptronError>,
  room: PlannedRoom,
): RoomPlan {
  const computing = new Set(
    plan.segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer))),
  );
  // Names are those that the planner knew: its sentences have them.
  const known = new Map(latest?.world.devices.map(({ id, name }) => [id, name]));
  const nameOf = (id: PeerId): string => known.get(id) ?? deviceName(id, room);
  const unreachable = [...room.members.values()].flatMap((member): LeftOutDevice[] => {
    const error = member.state === 'failed' ? member.error : silent.get(member.id);
    if (!error || computing.has(member.id) || known.has(member.id)) return [];
    return [{ name: nameOf(member.id), why: `${errorTexts[error.code].what} (${error.code})` }];
  });
  const reasons = new Map(latest?.choice.leftOut.map(({ peer, explanation }) => [peer, `${explanation}.`]));
  const leftOut = [...known.keys()]
    .filter((id) => !computing.has(id))
    .map((id) => ({
      name: nameOf(id),
      why: without.includes(id) ? strings.plan.notWanted : (reasons.get(id) ?? strings.plan.notWorthIt),
    }));
  const { prediction, gain } = chosen?.choice ?? {};
  return {
    epoch: plan.epoch,
    devices: [...computing].map(nameOf),
    offeredCount: new Set([...known.keys(), ...computing]).size,
    window,
    ...(prediction
      ? {
          expected: {
            latencyMs: prediction.latencyMs,
            framesPerSecond: prediction.framesPerSecond,
            ...(gain === undefined ? {} : { gain }),
          },
        }
      : {}),
    leftOut: [...leftOut, ...unreachable],
  };
}
