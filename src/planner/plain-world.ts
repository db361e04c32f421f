import type { PeerId } from '../shared/ids.ts';
import type { LinkProfile, World } from './world.ts';

/** A world that can be sent to another thread. */
export interface PlainWorld extends Omit<World, 'link'> {
  readonly links: readonly (readonly [from: PeerId, to: PeerId, profile: LinkProfile])[];
}

export function plainWorld(world: World): PlainWorld {
  const { requester, devices } = world;
  const ids = [...new Set([requester.id, ...devices.map(({ id }) => id)])];
  const links = ids.flatMap((from) =>
    ids.filter((to) => to !== from).map((to) => [from, to, world.link(from, to)] as const),
  );
  return { requester, devices, links };
}

export function worldOf({ requester, devices, links }: PlainWorld): World {
  const profiles = new Map(links.map(([from, to, profile]) => [`${from} ${to}`, profile]));
  return { requester, devices, link: (from, to) => profiles.get(`${from} ${to}`)! };
}
