import type { OpenRtc } from '../../src/transport/rtc.ts';
import type { WebRtc } from '../../src/transport/simple-peer.ts';
import { LinkEnd, type Carrier, type EndSignal } from './link-end.ts';
import type { NodeLibrary } from './node-end.ts';

/** What the parent asks for. */
export type EndCommand =
  | { readonly type: 'open'; readonly initiator: boolean }
  | { readonly type: 'signal'; readonly signal: EndSignal }
  | {
      readonly type: 'transfer';
      readonly carrier: Carrier;
      readonly sizeBytes: number;
      readonly tensors: number;
    }
  | { readonly type: 'round-trips'; readonly durationMs: number }
  | { readonly type: 'cpu' }
  | { readonly type: 'close' };

/** The answers to `open`, `transfer`, `round-trips` and `cpu`, one for each; signals come in between. */
export type EndReply =
  | { readonly type: 'signal'; readonly signal: EndSignal }
  | { readonly type: 'result'; readonly value: number | readonly number[] };

/** Only the library that is measured is loaded. */
async function loaded(library: NodeLibrary): Promise<{ openRtc: OpenRtc; webRtc: WebRtc }> {
  if (library === 'node-datachannel') {
    const other = await import('../../test/support/node-datachannel-rtc.ts');
    return { openRtc: other.openRtcNodeDatachannel, webRtc: other.nodeDatachannel };
  }
  const { openRtcNode } = await import('../../src/transport/simple-peer-node.ts');
  return { openRtc: openRtcNode, webRtc: (await import('wrtc')).default };
}

const platform = await loaded(process.argv[2] as NodeLibrary);
let end: LinkEnd | undefined;
const reply = (message: EndReply): void => void process.send?.(message);
const result = (value: number | readonly number[]): void => reply({ type: 'result', value });

process.on('message', (command: EndCommand) => void obey(command));
process.on('disconnect', () => process.exit(0));

async function obey(command: EndCommand): Promise<void> {
  switch (command.type) {
    case 'open':
      end = new LinkEnd({
        ...platform,
        initiator: command.initiator,
        emit: (signal) => reply({ type: 'signal', signal }),
      });
      await end.opened;
      return result(0);
    case 'signal':
      return end!.signal(command.signal);
    case 'transfer':
      return result(await end!.transfer(command.carrier, command.sizeBytes, command.tensors));
    case 'round-trips':
      return result(await end!.roundTripsUnderBulk(command.durationMs));
    case 'cpu':
      return result(end!.cpuSeconds());
    case 'close':
      return end?.close();
  }
}
