import { openRtcBrowser } from '../../src/transport/simple-peer-browser.ts';
import { LinkEnd, type EndSignal } from './link-end.ts';

declare global {
  interface Window {
    /** Provided by whoever opened the page. */
    emitSignal: (signal: EndSignal) => void;
    openEnd: (initiator: boolean) => Promise<void>;
    linkEnd: LinkEnd;
  }
}

window.openEnd = async (initiator) => {
  window.linkEnd = new LinkEnd({
    openRtc: openRtcBrowser,
    webRtc: { RTCPeerConnection },
    initiator,
    emit: (signal) => window.emitSignal(signal),
  });
  await window.linkEnd.opened;
};
