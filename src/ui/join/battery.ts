/** Charge of the device, as far as its browser tells. */
export interface Battery {
  /** 0–1. */
  readonly level: number;
  readonly charging: boolean;
}

/** What of the Battery Status API is used; most browsers but Chromium have none of it. */
interface BatteryManager extends EventTarget, Battery {}

/** Charged by so much beyond the limit, a device that rests begins again: at the limit itself it would go to and fro. */
const BEYOND = 0.05;

/** Whether the device should rest, by its charge and the limit; `isResting`: it does already. */
export function shouldRest(battery: Battery | undefined, restBelow: number, isResting: boolean): boolean {
  if (!battery || battery.charging || restBelow === 0) return false;
  return battery.level <= restBelow + (isResting ? BEYOND : 0);
}

/** Tells the charge now and whenever it changes; never where the browser does not tell it. */
export async function watchBattery(onBattery: (battery: Battery) => void): Promise<void> {
  const { getBattery } = navigator as Navigator & { getBattery?: () => Promise<BatteryManager> };
  if (!getBattery) return;
  try {
    const manager = await getBattery.call(navigator);
    const tell = (): void => onBattery({ level: manager.level, charging: manager.charging });
    manager.addEventListener('levelchange', tell);
    manager.addEventListener('chargingchange', tell);
    tell();
  } catch {
    // Forbidden by a policy of the page that shows this one.
  }
}
