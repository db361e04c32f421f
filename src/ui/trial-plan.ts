import type { Member } from '../mesh/mesh.ts';
import type { Plan } from '../planner/plan.ts';
import type { ChosenPlan } from '../runtime/planned-session.ts';
import type { PeerceptronError } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import { errorTexts, strings } from './strings.ts';
import type { TrialLeftOut, TrialPlan } from './trial-state.ts';

export interface TrialRoom {
  readonly self: PeerId;
  readonly members: ReadonlyMap<PeerId, Member>;
}

/** How people call a device, with a part of its id where two have the same name. */
export function deviceName(id: PeerId, { self, members }: TrialRoom): string {
  if (id === self) return strings.trial.self;
  const nameOf = (member: Member | undefined): string | undefined =>
    member?.state === 'connected' ? member.capabilities.name : undefined;
  const name = nameOf(members.get(id)) ?? strings.unnamed;
  const isShared =
    name === strings.unnamed ||
    [...members.values()].some((other) => other.id !== id && nameOf(other) === name);
  return isShared ? `${name} ${shortId(id)}` : name;
}

/** A plan for people: what was chosen where it was, and who could not even be asked. */
export function trialPlan(
  { plan, window }: { readonly plan: Plan; readonly window: number },
  chosen: ChosenPlan | undefined,
  silent: ReadonlyMap<PeerId, PeerceptronError>,
  room: TrialRoom,
): TrialPlan {
  const computing = new Set(
    plan.segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer))),
  );
  // Names are those that the planner knew: its sentences have them.
  const known = new Map(chosen?.world.devices.map(({ id, name }) => [id, name]));
  const nameOf = (id: PeerId): string => known.get(id) ?? deviceName(id, room);
  const unreachable = [...room.members.values()].flatMap((member): TrialLeftOut[] => {
    const error = member.state === 'failed' ? member.error : silent.get(member.id);
    if (!error || computing.has(member.id) || known.has(member.id)) return [];
    return [{ name: nameOf(member.id), why: `${errorTexts[error.code].what} (${error.code})` }];
  });
  const leftOut = (chosen?.choice.leftOut ?? []).map(({ peer, explanation }) => ({
    name: nameOf(peer),
    why: `${explanation}.`,
  }));
  const { prediction, gain } = chosen?.choice ?? {};
  return {
    devices: [...computing].map(nameOf),
    offeredCount: chosen?.world.devices.length ?? computing.size,
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
