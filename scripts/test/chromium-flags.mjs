/** WebGL and WebGPU in software: slow, and right. */
const SOFTWARE_GRAPHICS = [
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
];
/** Pages are drawn all the same. In software, graphics take as much of a processor as the page itself. */
const NO_GRAPHICS = ['--disable-gpu', '--disable-software-rasterizer'];

/**
 * What every Chromium that a test or a script starts is given. Chromium's sandbox refuses to run as root.
 *
 * @param {{ graphics?: boolean }} [options] whether pages have WebGL and WebGPU
 */
export function chromiumFlags({ graphics = true } = {}) {
  return [
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--no-default-browser-check',
    ...(graphics ? SOFTWARE_GRAPHICS : NO_GRAPHICS),
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ];
}

/**
 * Puts host addresses instead of `.local` names into candidates. Needed by tests that connect two pages where
 * multicast is blocked (containers), and by nothing else.
 */
export const showLocalAddresses = '--disable-features=WebRtcHideLocalIpsWithMdns';

/** A camera that shows a test picture in which something moves, and is allowed to every page. */
export const fakeCamera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
