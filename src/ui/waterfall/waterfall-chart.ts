import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { PeerId } from '../../shared/ids.ts';
import { sharedStyles } from '../components/shared-styles.ts';
import { formatMs } from '../format.ts';
import { strings } from '../strings.ts';
import { STAGES, type Bar, type Stage, type Waterfall, type WaterfallRow } from './waterfall-rows.ts';

const WIDTH = 1000;
/** Heights within a device's row: what comes in, what is computed (and waited for), what goes out. */
const trackOf: Readonly<Record<Stage, number>> = { receive: 0, wait: 1, compute: 1, encode: 2, send: 2 };
const TRACK = 10;
const ROW = 34;
/** What is shorter than this could not be seen. */
const LEAST_WIDTH = 1.5;

/** One frame on its way: a row per device, time from left to right; the way that the result waited for on top. */
@customElement('pt-waterfall-chart')
export class WaterfallChart extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .row {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        padding: 0.25rem 0;
        border-top: 1px solid var(--pt-line);
      }
      .who {
        display: flex;
        justify-content: space-between;
        gap: 1rem;
        overflow-wrap: anywhere;
      }
      svg {
        display: block;
        width: 100%;
        height: 2.125rem;
      }
      .path svg {
        height: 0.75rem;
      }
      .wait {
        fill: var(--pt-stage-wait);
      }
      .receive {
        fill: var(--pt-stage-receive);
      }
      .compute {
        fill: var(--pt-stage-compute);
      }
      .encode {
        fill: var(--pt-stage-encode);
      }
      .send {
        fill: var(--pt-stage-send);
      }
      .unknown {
        fill: var(--pt-line);
      }
      .end {
        stroke: var(--pt-muted);
        stroke-width: 1;
        stroke-dasharray: 3 3;
        vector-effect: non-scaling-stroke;
      }
      .axis {
        display: flex;
        justify-content: space-between;
      }
      @media (min-width: 40rem) {
        .row {
          grid-template-columns: 11rem minmax(0, 1fr);
          align-items: center;
          column-gap: 1rem;
        }
        .who {
          display: block;
        }
        .axis {
          padding-left: 12rem;
        }
      }
    `,
  ];

  @property({ attribute: false }) waterfall: Waterfall | undefined;
  @property({ attribute: false }) nameOf: (peer: PeerId) => string = (peer) => peer;

  override render() {
    const { waterfall } = this;
    if (!waterfall) return nothing;
    const { rows, path, fromMs, toMs } = waterfall;
    const x = (ms: number): number => ((ms - fromMs) / Math.max(toMs - fromMs, 1e-6)) * WIDTH;
    return html`<div
      role="img"
      aria-label=${strings.waterfall.chartLabel(rows.length, formatMs(waterfall.latencyMs))}
    >
      <div class="row path">
        <p class="who small"><span>${strings.waterfall.path}</span></p>
        ${svg`<svg viewBox="0 0 ${WIDTH} ${TRACK}" preserveAspectRatio="none">
          ${path.map(
            ({ stage, startMs, endMs }) =>
              svg`<rect class=${pathClass[stage]} x=${x(startMs)} width=${x(endMs) - x(startMs)} height=${TRACK}></rect>`,
          )}
        </svg>`}
      </div>
      ${rows.map((row) => this.row(row, x, waterfall.latencyMs))}
      <p class="axis small muted number"><span>${formatMs(fromMs)}</span><span>${formatMs(toMs)}</span></p>
    </div>`;
  }

  private row({ peer, bars }: WaterfallRow, x: (ms: number) => number, latencyMs: number) {
    // What is waited for lies behind what is done meanwhile.
    const inOrder = bars.toSorted((a, b) => STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage));
    return html`<div class="row">
      <p class="who small"><span>${this.nameOf(peer)}</span></p>
      ${svg`<svg viewBox="0 0 ${WIDTH} ${ROW}" preserveAspectRatio="none">
        ${inOrder.map((bar) => this.bar(bar, x))}
        <line class="end" x1=${x(latencyMs)} x2=${x(latencyMs)} y1="0" y2=${ROW}></line>
      </svg>`}
    </div>`;
  }

  private bar(bar: Bar, x: (ms: number) => number) {
    const { stage, startMs, endMs } = bar;
    const width = Math.max(LEAST_WIDTH, x(endMs) - x(startMs));
    return svg`<rect class=${stage} x=${x(startMs)} y=${trackOf[stage] * (TRACK + 1) + 1} width=${width} height=${TRACK}>
      <title>${this.describe(bar)}</title>
    </rect>`;
  }

  private describe({ stage, startMs, endMs, tile, other, sizeBytes }: Bar): string {
    return strings.waterfall.bar({
      stage: strings.waterfall.stages[stage],
      time: formatMs(endMs - startMs),
      ...(tile ? { ops: [tile.ops[0] + 1, tile.ops[1]] as const } : {}),
      ...(other === undefined ? {} : { other: this.nameOf(other) }),
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
    });
  }
}

/** A step of the critical path has the colour of what is done in it. */
const pathClass = {
  encode: 'encode',
  transfer: 'send',
  assemble: 'receive',
  queue: 'wait',
  compute: 'compute',
  unknown: 'unknown',
} as const;

declare global {
  interface HTMLElementTagNameMap {
    'pt-waterfall-chart': WaterfallChart;
  }
}
