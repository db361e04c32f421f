/** A device in a process of its own: answers `ping`, and sends every stream back. Built and started by `mesh-processes.test.ts`. */
import { parseRoomLink } from '../../src/protocol/room-link.ts';
import type { PeerChannel, StreamSink } from '../../src/transport/channel.ts';
import { joinReal } from './mesh-room.ts';

const serve = (channel: PeerChannel): void => {
  channel.onControl = (message) => {
    if (message.type === 'ping') channel.sendControl({ type: 'pong', nonce: message.nonce });
  };
  channel.onStream = (meta, totalBytes): StreamSink => {
    const buffer = new Uint8Array(totalBytes);
    return {
      buffer,
      done: () => void channel.sendStream(meta, buffer, { priority: 'weight' }).catch(() => undefined),
      failed: () => undefined,
    };
  };
};

const mesh = await joinReal(parseRoomLink(process.env['ROOM_LINK'] ?? ''), 'child');
mesh.onChannel = serve;
process.stdout.write(`${mesh.self}\n`);
process.stdin.resume();
// The parent's end is this process's end.
process.stdin.on('end', () => void mesh.leave().then(() => process.exit(0)));
