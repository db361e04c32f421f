import type { ShellMessage } from './service-worker/shell-routes.ts';

/**
 * Lets the page start without its server from the next visit on, where the browser allows it: on a secure page whose certificate
 * it trusts. Never rejects, and nothing waits for it.
 */
export async function keepAppShell(): Promise<void> {
  // Absent on plain http, whatever the type library says; and the development server has no service worker.
  const container = (navigator as Partial<Navigator>).serviceWorker;
  if (!container || !import.meta.env.PROD) return;
  try {
    await container.register(new URL('service-worker.js', document.baseURI));
    const { active } = await container.ready;
    active?.postMessage('keep all' satisfies ShellMessage);
  } catch (error) {
    console.info('This page does not start without its server:', error);
  }
}
