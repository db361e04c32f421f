import { describe, it } from 'vitest';
import { createMemoryPair } from '../../src/transport/memory-pair.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { peerLinkSuite } from './peer-link-suite.ts';
import { connectRtcPair } from './rtc-pair.ts';

peerLinkSuite('in-memory pair', async () => createMemoryPair(), { describe, it });

peerLinkSuite(
  'simple-peer over wrtc',
  async () => {
    const { a, b } = await connectRtcPair(openRtcNode);
    return { a: a.link, b: b.link };
  },
  { describe, it },
);
