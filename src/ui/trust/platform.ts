/** Systems on which trusting an authority is done differently. */
export const PLATFORMS = ['android', 'ios', 'mac', 'windows', 'chromeos', 'linux'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** What the browser says that it runs on; undefined where it is none of those. `touchPoints`: of `navigator.maxTouchPoints`. */
export function platformOf(userAgent: string, touchPoints: number): Platform | undefined {
  if (/Android/.test(userAgent)) return 'android';
  if (/iPhone|iPad|iPod/.test(userAgent)) return 'ios';
  // An iPad calls itself a Mac, and is the only one that is touched.
  if (/Macintosh/.test(userAgent)) return touchPoints > 1 ? 'ios' : 'mac';
  if (/Windows/.test(userAgent)) return 'windows';
  if (/CrOS/.test(userAgent)) return 'chromeos';
  if (/Linux|X11/.test(userAgent)) return 'linux';
  return undefined;
}
