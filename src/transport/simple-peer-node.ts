import SimplePeer from 'simple-peer';
import wrtc from 'wrtc';
import type { OpenRtc } from './rtc.ts';
import { simplePeerOpener } from './simple-peer.ts';

/** WebRTC in Node: simple-peer over `wrtc`. */
export const openRtcNode: OpenRtc = simplePeerOpener({ SimplePeer, webRtc: wrtc });
