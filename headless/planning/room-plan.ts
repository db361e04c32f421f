import { systemClock } from '../../src/mesh/system-clock.ts';
import type { World } from '../../src/planner/world.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import { measureTransport } from '../../src/runtime/measure-transport.ts';
import { Survey } from '../../src/runtime/survey.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { joinNodeMesh } from '../node-mesh.ts';
import { deviceNames, gatherPeers } from '../room-peers.ts';
import { NO_SESSION, planWithin, type Chosen, type PlanningOptions } from './chosen-plan.ts';

export interface RoomPlanOptions extends Omit<PlanningOptions, 'world'> {
  /** The room's link, or `env` for `PEERCEPTRON_URL`. */
  readonly room: string;
  readonly timeoutMs: number;
  readonly note: (sentence: string) => void;
}

/** What the planner chooses for the devices of a room, by what they have measured of themselves and of the links that the plan uses. */
export async function planForRoom(options: RoomPlanOptions): Promise<Chosen & { readonly world: World }> {
  const { room, timeoutMs, note, graph, objective } = options;
  const link = parseRoomLink(room === 'env' ? (process.env.PEERCEPTRON_URL ?? '') : room);
  const { mesh, node } = await joinNodeMesh({ link, name: 'plan' });
  try {
    const peers = await gatherPeers(mesh, { timeoutMs });
    const nameOf = deviceNames(peers);
    const storages = new Map(peers.map(({ id, capabilities }) => [id, capabilities.weightStorage]));
    const survey = new Survey({
      node,
      clock: systemClock,
      transport: await measureTransport({ clock: systemClock }),
      onEvent: (event) => {
        switch (event.type) {
          case 'device-silent':
            note(`${nameOf(event.peer)} is left out: ${event.error.message}`);
            return;
          case 'link-unmeasured':
            note(
              `the link from ${nameOf(event.link.from)} to ${nameOf(event.link.to)} could not be measured, and is guessed: ${event.error.message}`,
            );
            return;
          case 'link-measured':
        }
      },
    });
    const known = await survey.devices(
      peers.map(({ id, capabilities: { accuracy, memoryBytes } }) => ({
        id,
        name: nameOf(id),
        accuracy,
        memoryBytes,
      })),
    );
    if (known.length === 0) {
      throw new PeerceptronError(
        'PLAN_NO_PEERS',
        `none of the ${peers.length} devices in the room said how fast it is: update Peerceptron there`,
      );
    }
    const devices = known.map((device) => {
      const weightStorage = storages.get(device.id);
      return weightStorage ? { ...device, weightStorage } : device;
    });
    let chosen: (Chosen & { world: World }) | undefined;
    const { codecs } = options;
    await survey.plan(devices, { graph, session: NO_SESSION, epoch: 0, objective, codecs }, ({ world }) => {
      chosen = { ...planWithin({ ...options, world }), world };
      return chosen.choice;
    });
    return chosen!;
  } finally {
    await mesh.leave();
  }
}
