import { systemClock } from '../mesh/system-clock.ts';
import { keepAppShell } from './app-shell.ts';
import { preferHttps } from './https/prefer-https.ts';
import { patientFetch } from './patient-fetch.ts';
import { httpsStrings } from './strings.ts';

/** An answer of a server in the room takes milliseconds; a browser gives up after minutes. */
const ANSWER_TIMEOUT_MS = 3000;

/** Nothing of it comes from a cache, and nothing goes along. */
export const briefFetch = (url: string): Promise<Response> =>
  fetch(url, { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });

/**
 * What a page does before all else: it goes over to https where this device trusts the server (then this never resolves), or says how
 * that is done, unless it is a `quiet` one; and it sees to it that it starts without its server next time. Resolves with where this device
 * may be told to trust the server, where that would make the page secure.
 */
export async function startPage({ quiet = false } = {}): Promise<{ readonly trustUrl?: string }> {
  const outlook = await preferHttps({
    href: location.href,
    isSecure: isSecureContext,
    load: briefFetch,
    moveTo: (url) => location.replace(url),
  });
  if (outlook.state === 'moving') await new Promise<never>(() => undefined);
  if (outlook.state === 'untrusted' && !quiet) {
    const { notice: text, noticeLabel: label, noticeLink: linkText } = httpsStrings;
    void showNotice({ text, label, linkText, href: outlook.trustUrl });
  }
  void keepAppShell();
  return outlook.state === 'untrusted' ? { trustUrl: outlook.trustUrl } : {};
}

let silence: Promise<HTMLElement> | undefined;

/** Asks the page's server until it answers, and says so meanwhile. */
export const fetchWhenServed = patientFetch({
  load: (url) => fetch(url),
  clock: systemClock,
  onSilence: ({ message }) => {
    silence ??= showNotice({ text: `${message} ${httpsStrings.silence}`, label: httpsStrings.silenceLabel });
  },
  onAnswer: () => {
    void silence?.then((notice) => notice.remove());
    silence = undefined;
  },
});

interface Notice {
  readonly text: string;
  readonly label: string;
  readonly href?: string;
  readonly linkText?: string;
}

async function showNotice(content: Notice): Promise<HTMLElement> {
  await import('./https/page-notice.ts');
  const notice = Object.assign(document.createElement('pt-page-notice'), content);
  document.body.prepend(notice);
  return notice;
}
