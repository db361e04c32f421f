import * as v from 'valibot';

/** Bytes since the network was opened, with all headers from Ethernet's on; what the shaper threw away is not among them. */
export interface Traffic {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

const LARGEST_PACKET_BYTES = 1514;
/**
 * What has been saved up passes at full speed: two milliseconds' worth, so that a timer that comes late loses nothing, and a fifth of
 * what the receiver's socket holds at 90 Mbit/s.
 */
const BURST_MS = 2;
/**
 * What waits before a link, more is lost. As much as the first windows (64 KiB) of fifteen peers that send to one at once: a switch with
 * flow control loses none of that either, and SCTP takes such losses hard.
 */
const QUEUE_BYTES = 1024 * 1024;

/** The token bucket of one direction of a link, in the words of `tc`. */
export function shaped(megabitsPerSecond: number): string {
  const bytesPerMs = megabitsPerSecond * 125;
  const burstBytes = Math.round(Math.max(2 * LARGEST_PACKET_BYTES, BURST_MS * bytesPerMs));
  return `tbf rate ${Math.round(megabitsPerSecond * 1e6)}bit burst ${burstBytes} limit ${QUEUE_BYTES}`;
}

const bytesSchema = v.object({ bytes: v.number() });
const linksSchema = v.array(
  v.object({ ifname: v.string(), stats64: v.object({ rx: bytesSchema, tx: bytesSchema }) }),
);

/** From `ip -s -j link show` at the switch, by port: what comes in there, its device has sent. */
export function portTraffic(json: string): ReadonlyMap<string, Traffic> {
  const links = v.parse(linksSchema, JSON.parse(json));
  return new Map(
    links.map(({ ifname, stats64: { rx, tx } }) => [
      ifname,
      { sentBytes: rx.bytes, receivedBytes: tx.bytes },
    ]),
  );
}
