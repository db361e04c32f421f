import type { Member } from '../../mesh/mesh.ts';
import type { Presence } from '../../runtime/presence.ts';
import type { PeerId } from '../../shared/ids.ts';
import { deviceName } from '../device-name.ts';
import type { HappeningKind } from '../worded-states.ts';

/** Something that people in the room may want to notice. */
export interface Happening {
  /** Counts the happenings of a visit. */
  readonly number: number;
  readonly kind: HappeningKind;
  readonly peer: PeerId;
  /** As it was called then: it may be gone when this is read. */
  readonly name: string;
}

/** What of the room is compared. */
export interface RoomMoment {
  readonly self?: PeerId;
  readonly members: ReadonlyMap<PeerId, Member>;
  readonly presences: ReadonlyMap<PeerId, Presence>;
  readonly names?: ReadonlyMap<PeerId, string>;
}

type Unnumbered = Omit<Happening, 'number'>;

/** What has happened between two moments, in the order of the members. */
export function happeningsBetween(before: RoomMoment, after: RoomMoment): Unnumbered[] {
  if (before.members === after.members && before.presences === after.presences) return [];
  const found: Unnumbered[] = [];
  const note = (kind: HappeningKind, peer: PeerId, room: RoomMoment): void =>
    void found.push({ kind, peer, name: deviceName(peer, room) });
  for (const [id, member] of after.members) {
    const known = before.members.get(id);
    if (!known) note('joined', id, after);
    else if (known !== member) for (const kind of changesOf(known, member)) note(kind, id, after);
  }
  for (const id of before.members.keys()) if (!after.members.has(id)) note('left', id, before);
  for (const [requester, { setAside: now = [] }] of after.presences) {
    const then = before.presences.get(requester)?.setAside ?? [];
    for (const id of now) if (!then.includes(id)) note('set-aside', id, after);
    for (const id of then) if (!now.includes(id) && after.members.has(id)) note('readmitted', id, after);
  }
  return found;
}

function changesOf(before: Member, after: Member): HappeningKind[] {
  if (before.state !== 'connected') return [];
  if (after.state === 'failed') return ['lost'];
  if (after.state !== 'connected') return [];
  const kinds: HappeningKind[] = [];
  if (after.reconnecting !== before.reconnecting) kinds.push(after.reconnecting ? 'interrupted' : 'restored');
  if (after.capabilities.serves !== before.capabilities.serves)
    kinds.push(after.capabilities.serves ? 'resumed' : 'paused');
  return kinds;
}

/** Those that any requester in the room says it does without. */
export function setAside({ presences }: Pick<RoomMoment, 'presences'>): ReadonlySet<PeerId> {
  return new Set([...presences.values()].flatMap((presence) => presence.setAside ?? []));
}
