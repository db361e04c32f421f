import { systemClock } from '../../src/mesh/system-clock.ts';
import type { World } from '../../src/planner/world.ts';
import { measureTransport } from '../../src/runtime/measure-transport.ts';
import { Survey } from '../../src/runtime/survey.ts';
import { PeerceptronError } from '../../src/shared/errors.ts';
import { connectionProcessor } from '../connection-processor.ts';
import { joinNodeMesh } from '../node-mesh.ts';
import { deviceNames, describeSurveyEvent, gatherPeers, parseRoomFlag } from '../room-peers.ts';
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
  const { mesh, node } = await joinNodeMesh({ link: parseRoomFlag(room), name: 'plan' });
  try {
    const peers = await gatherPeers(mesh, { timeoutMs });
    const nameOf = deviceNames(peers);
    const survey = new Survey({
      node,
      clock: systemClock,
      transport: await measureTransport({ clock: systemClock }),
      processor: connectionProcessor(),
      onEvent: (event) => {
        const sentence = describeSurveyEvent(event, nameOf);
        if (sentence) note(sentence);
      },
    });
    const devices = await survey.devices(
      peers.map(({ id, capabilities }) => ({ ...capabilities, id, name: nameOf(id) })),
    );
    if (devices.length === 0) {
      throw new PeerceptronError(
        'PLAN_NO_PEERS',
        `none of the ${peers.length} devices in the room said how fast it is: update Peerceptron there`,
      );
    }
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
