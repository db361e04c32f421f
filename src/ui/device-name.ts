import type { Member } from '../mesh/mesh.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import { strings } from './strings.ts';

/** Who is there, as far as names go. */
export interface NamedRoom {
  readonly self?: PeerId;
  readonly members: ReadonlyMap<PeerId, Member>;
}

/** How people call a device, with a part of its id where two have the same name. */
export function deviceName(id: PeerId, { self, members }: NamedRoom): string {
  if (id === self) return strings.trial.self;
  const nameOf = (member: Member | undefined): string | undefined =>
    member?.state === 'connected' ? member.capabilities.name : undefined;
  const name = nameOf(members.get(id)) ?? strings.unnamed;
  const isShared =
    name === strings.unnamed ||
    [...members.values()].some((other) => other.id !== id && nameOf(other) === name);
  return isShared ? `${name} ${shortId(id)}` : name;
}
