import '../../../src/ui/components/app.ts';
import '../../../src/ui/teach/components/teach-view.ts';
import { peerStates, viewOf } from './peer-states.ts';
import { sampleUrls, showOf } from './show-states.ts';

// `?state=name` shows one; without it, links to all of them.
const wanted = new URLSearchParams(location.search).get('state');
const state = wanted === null ? undefined : peerStates.get(wanted);
if (state) {
  const app = document.createElement('pt-app');
  app.state = state;
  app.view = viewOf(wanted!);
  app.samples = sampleUrls;
  // Before that it is not in the room.
  if (state.view === 'room' && state.self !== undefined) app.show = showOf(wanted!);
  document.body.append(app);
  await app.updateComplete;
} else {
  for (const name of peerStates.keys()) {
    const link = document.createElement('a');
    link.href = `?state=${name}`;
    link.textContent = name;
    document.body.append(link, document.createElement('br'));
  }
}
document.documentElement.dataset['ready'] = '';
