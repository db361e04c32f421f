// The prebuilt bundle: the library's sources expect Node's globals, which bundlers do not provide.
import SimplePeer from 'simple-peer/simplepeer.min.js';
import { PeerceptronError } from '../shared/errors.ts';
import type { OpenRtc } from './rtc.ts';
import { simplePeerOpener } from './simple-peer.ts';

/**
 * WebRTC in the browser: simple-peer over the native implementation.
 * @throws LINK_NO_ROUTE where the browser has none.
 */
export const openRtcBrowser: OpenRtc = (options) => {
  if (typeof RTCPeerConnection === 'undefined') {
    throw new PeerceptronError(
      'LINK_NO_ROUTE',
      'this browser has no WebRTC, or it is switched off: use another browser',
    );
  }
  const webRtc = { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate };
  return simplePeerOpener({ SimplePeer, webRtc })(options);
};
