import type { EngineBackend } from '../engine/worker-protocol.ts';

/** What is known of this browser's graphics before an engine is started. */
export interface GraphicsFacts {
  /** `navigator.gpu` gave an adapter that is not a software fallback. */
  readonly webGpu: boolean;
  /** As WebGL names it; absent where there is no WebGL. */
  readonly renderer?: string | undefined;
  /** From the page's address, `?engine=wasm`, to try one in particular. */
  readonly wanted?: string | null | undefined;
}

const backends: readonly EngineBackend[] = ['webgpu', 'webgl', 'wasm', 'cpu', 'reference'];
/** Graphics computed on the processor: right, and far slower than wasm on the same processor. */
const softwareRenderer = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/**
 * Which engines to try, best first. Each one still has to pass the self-test before it serves; wasm comes before a
 * graphics card that is only emulated, and plain loops are nobody's choice.
 */
export function engineCandidates({ webGpu, renderer, wanted }: GraphicsFacts): readonly EngineBackend[] {
  const chosen = backends.find((backend) => backend === wanted);
  if (chosen) return [chosen];
  const hasCard = renderer !== undefined && !softwareRenderer.test(renderer);
  const onCard: EngineBackend[] = [];
  if (webGpu && hasCard) onCard.push('webgpu');
  if (hasCard) onCard.push('webgl');
  return [...onCard, 'wasm', 'cpu'];
}

/** Asks the browser. Nothing is kept: contexts are scarce, and the engine makes its own. */
export async function readGraphics(wanted: string | null): Promise<GraphicsFacts> {
  const context = document.createElement('canvas').getContext('webgl2');
  const info = context?.getExtension('WEBGL_debug_renderer_info');
  const renderer = context
    ? String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER))
    : undefined;
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  // Absent on plain http and in older browsers, whatever the type library says.
  const adapter = await (navigator as Partial<Navigator>).gpu?.requestAdapter().catch(() => null);
  return { webGpu: Boolean(adapter && !adapter.info?.isFallbackAdapter), renderer, wanted };
}
