export function findChromium(from?: {
  env?: Record<string, string | undefined>;
  platform?: string;
}): string | undefined;
export function canInstallChromium(): boolean;
export function chromiumMissing(): Error & { code: 'CHROMIUM_MISSING' };
