import '../theme.css';
import './trust-view.ts';
import { briefFetch } from '../start-page.ts';
import { platformOf } from './platform.ts';
import { readServer, withTrust, type TrustState } from './trust-state.ts';

/** Composition root of the page `/trust`. */
const view = document.createElement('pt-trust');
let state: TrustState = {
  platform: platformOf(navigator.userAgent, navigator.maxTouchPoints),
  server: { state: 'asking' },
};
const show = (server: TrustState['server']): void => {
  state = { ...state, server };
  view.state = state;
};
show(state.server);
document.body.replaceChildren(view);

show(await readServer(location.href, briefFetch));

/** Whoever comes back from the settings finds out by itself, and goes where the link leads. */
async function look(): Promise<void> {
  const before = state.server;
  const server = await withTrust(before, location.href, briefFetch);
  show(server);
  if (server.state !== 'authority' || !server.isTrusted || server.room === undefined) return;
  if (before.state === 'authority' && before.isTrusted === false) location.assign(server.room);
}
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void look();
});
window.addEventListener('focus', () => void look());
window.addEventListener('hashchange', () => location.reload());
await look();
