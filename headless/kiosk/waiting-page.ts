/** What a kiosk's screen shows while its page cannot be loaded, as an address of its own: nothing has to be served for it. */
export function waitingPage(host: string, reason: string): string {
  const html = `<!doctype html>
<meta charset="utf-8">
<title>Kiosk – Peerceptron</title>
<style>
  html { background: #000; color: #9aa0a8; font: 3vmin/1.4 system-ui, sans-serif; }
  body { margin: 8vmin; }
  h1 { font-size: 7vmin; font-weight: 650; line-height: 1.15; overflow-wrap: anywhere; }
</style>
<h1>Waiting for ${escaped(host)}</h1>
<p>${escaped(whatThen(reason))}</p>
<p><small>${escaped(reason)}</small></p>
`;
  return `data:text/html;base64,${Buffer.from(html).toString('base64')}`;
}

/** What helps against why Chromium has not loaded a page, for people. */
export function whatThen(reason: string): string {
  if (/ERR_CERT/.test(reason)) {
    return 'This kiosk does not trust the server yet: start it with --fingerprint, as “serve --https” prints it (docs/kiosk.md).';
  }
  if (/ERR_NAME/.test(reason)) return 'The name is not known in this network.';
  if (/ERR_INTERNET_DISCONNECTED|ERR_NETWORK|ERR_ADDRESS_UNREACHABLE/.test(reason)) {
    return 'This device has no network, or none that leads there.';
  }
  return 'It is tried again and again; the page appears when its server answers.';
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escaped = (text: string): string => text.replaceAll(/[&<>]/g, (letter) => escapes[letter]!);
