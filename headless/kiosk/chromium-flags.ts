export interface ChromiumFlagOptions {
  readonly profileDir: string;
  /** Full screen on the display of this device; otherwise without any. */
  readonly screen: boolean;
  /** Chromium's sandbox refuses to run as root. */
  readonly isRoot: boolean;
}

/**
 * How a kiosk's Chromium is started. The page that it shows is not among its arguments, which everybody on the machine can read: it is told
 * over the pipe.
 */
export function kioskChromiumFlags({ profileDir, screen, isRoot }: ChromiumFlagOptions): string[] {
  return [
    // Descriptors 3 and 4: nobody else on the machine can drive this browser, as they could by a port.
    '--remote-debugging-pipe',
    `--user-data-dir=${profileDir}`,
    // Nobody is there to answer questions, of whichever kind.
    '--no-first-run',
    '--no-default-browser-check',
    '--noerrdialogs',
    '--hide-crash-restore-bubble',
    '--disable-session-crashed-bubble',
    '--password-store=basic',
    '--disable-pinch',
    '--overscroll-history-navigation=0',
    // A page in a covered or absent window computes all the same.
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
    // Nothing but the page: no updates, no suggestions, no accounts. Addresses that are hidden behind .local names need multicast,
    // which many networks block.
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-breakpad',
    '--disable-features=IntensiveWakeUpThrottling,Translate,MediaRouter,OptimizationHints,WebRtcHideLocalIpsWithMdns',
    // Cards that nobody has tested are tried by the page: what computes wrong is not used.
    '--ignore-gpu-blocklist',
    '--enable-unsafe-webgpu',
    // On X11 and on Wayland.
    ...(screen
      ? ['--kiosk', '--ozone-platform-hint=auto']
      : ['--headless', '--enable-gpu', '--mute-audio', '--window-size=1280,720']),
    ...(isRoot ? ['--no-sandbox', '--test-type'] : []),
    'about:blank',
  ];
}
