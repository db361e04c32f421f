import type { PeerLink } from '../../src/transport/peer-link.ts';
import type { RtcConnection } from '../../src/transport/rtc.ts';

/** The same connection, whose link is what `wrap` makes of it when it is open. */
export const withLink = (connection: RtcConnection, wrap: (link: PeerLink) => PeerLink): RtcConnection => ({
  opened: connection.opened.then((opened) => ({ ...opened, link: wrap(opened.link) })),
  signal: (signal) => connection.signal(signal),
  candidates: () => connection.candidates(),
  close: () => connection.close(),
  get onSignal() {
    return connection.onSignal;
  },
  set onSignal(handler) {
    connection.onSignal = handler;
  },
});
