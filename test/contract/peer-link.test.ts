import { describe, it } from 'vitest';
import { DelayedLink } from '../../bench/farm/delayed-link.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { createMemoryPair } from '../../src/transport/memory-pair.ts';
import { ResumableLink } from '../../src/transport/resumable-link.ts';
import { SpareMemory } from '../../src/transport/spare-memory.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { openRtcNodeDatachannel } from '../support/node-datachannel-rtc.ts';
import { peerLinkSuite } from './peer-link-suite.ts';
import { connectRtcPair } from './rtc-pair.ts';

peerLinkSuite('in-memory pair', async () => createMemoryPair(), { describe, it });

const unsuspended = (): void => {
  throw new Error('the connection broke');
};

peerLinkSuite(
  'resumable, in memory',
  async () => {
    const { a, b } = createMemoryPair();
    const spare = new SpareMemory();
    return { a: new ResumableLink(a, spare, unsuspended), b: new ResumableLink(b, spare, unsuspended) };
  },
  { describe, it },
);

peerLinkSuite(
  'delayed, in memory',
  async () => {
    const { a, b } = createMemoryPair();
    const delay = { delayMs: 1, jitterMs: 2, clock: systemClock, random: seededRandom(1) };
    return { a: new DelayedLink(a, delay), b: new DelayedLink(b, delay) };
  },
  { describe, it },
);

peerLinkSuite(
  'simple-peer over wrtc',
  async () => {
    const { a, b } = await connectRtcPair(openRtcNode);
    return { a: a.link, b: b.link };
  },
  { describe, it },
);

peerLinkSuite(
  'simple-peer over node-datachannel',
  async () => {
    const { a, b } = await connectRtcPair(openRtcNodeDatachannel);
    return { a: a.link, b: b.link };
  },
  { describe, it },
);
