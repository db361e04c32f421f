import type { Member } from '../mesh/mesh.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import { strings } from './strings.ts';

/** Who is there, as far as names go. */
export interface NamedRoom {
  readonly self?: PeerId;
  readonly members: ReadonlyMap<PeerId, Member>;
  /** As devices were called when they were last connected. */
  readonly names?: ReadonlyMap<PeerId, string>;
}

/** How people call a device, with a part of its id where two have the same name. */
export function deviceName(id: PeerId, { self, members, names }: NamedRoom): string {
  if (id === self) return strings.plan.self;
  const nameOf = (peer: PeerId): string | undefined => {
    const member = members.get(peer);
    return member?.state === 'connected' ? member.capabilities.name : names?.get(peer);
  };
  const name = nameOf(id) ?? strings.unnamed;
  const isShared =
    name === strings.unnamed || [...members.keys()].some((other) => other !== id && nameOf(other) === name);
  return isShared ? `${name} ${shortId(id)}` : name;
}
