import '../../../src/ui/kiosk/kiosk-view.ts';
import '../../../src/ui/trust/trust-view.ts';
import { kioskStates, trustStates } from './kiosk-states.ts';

// `?state=name` shows one; without it, links to all of them.
const wanted = new URLSearchParams(location.search).get('state') ?? '';
const kiosk = kioskStates.get(wanted);
const trust = trustStates.get(wanted);
if (kiosk) {
  const view = document.createElement('pt-kiosk');
  view.state = kiosk;
  document.body.append(view);
  await view.updateComplete;
} else if (trust) {
  const view = document.createElement('pt-trust');
  view.state = trust;
  document.body.append(view);
  await view.updateComplete;
} else {
  for (const name of [...kioskStates.keys(), ...trustStates.keys()]) {
    const link = document.createElement('a');
    link.href = `?state=${name}`;
    link.textContent = name;
    document.body.append(link, document.createElement('br'));
  }
}
document.documentElement.dataset['ready'] = '';
