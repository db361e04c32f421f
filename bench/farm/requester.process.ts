import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { gatherPeers } from '../../headless/room-peers.ts';
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import { toPeerceptronError } from '../../src/shared/errors.ts';
import { FarmRequester } from './farm-requester.ts';
import type { RequesterAnswers, RequesterCommand, RequesterReply } from './requester-commands.ts';

/** The device of a farm that has the inputs: it plans, deals out, feeds and measures, one command after the other. */
const { mesh, node } = await joinNodeMesh({
  link: parseRoomLink(process.env.PEERCEPTRON_URL ?? ''),
  name: 'requester',
});
const requester = new FarmRequester(node);

async function obey(command: RequesterCommand): Promise<RequesterAnswers[RequesterCommand['type']]> {
  if (command.type !== 'gather') return requester.obey(command);
  const peers = await gatherPeers(mesh, { count: command.count, timeoutMs: 60_000 });
  await requester.know(peers);
  return peers.map(({ id, capabilities: { name } }) => ({ id, name }));
}

let turn: Promise<void> = Promise.resolve();
process.on('message', (command: RequesterCommand) => {
  turn = turn.then(async () => {
    let reply: RequesterReply;
    try {
      reply = { ok: true, value: await obey(command) };
    } catch (thrown) {
      const { code, message } = toPeerceptronError(thrown);
      reply = { ok: false, code, message };
    }
    process.send?.(reply);
  });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ok: true, value: undefined } satisfies RequesterReply);
