import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { PeerId } from '../../shared/ids.ts';
import { sharedStyles } from '../components/shared-styles.ts';
import { strings } from '../strings.ts';
import { peerClass, peerColours } from './peer-colours.ts';
import { STRIP_WIDTH, type Strip, type StripBand } from './strip.ts';

const HEIGHT = 100;
/** A number fits into a band of this size, in units of the picture. */
const LEAST_LABEL_WIDTH = 26;
const LEAST_LABEL_HEIGHT = 0.16;

/**
 * A network as a strip of ops, coloured by who computes what; pointing at it, or moving the slider below it, chooses an op.
 * @fires choose-op with the index of the op
 */
@customElement('pt-network-strip')
export class NetworkStrip extends LitElement {
  static override styles = [
    sharedStyles,
    peerColours,
    css`
      svg {
        display: block;
        width: 100%;
        height: 8rem;
        cursor: crosshair;
        touch-action: pan-y;
      }
      :host([compact]) svg {
        height: 4.5rem;
        cursor: default;
      }
      .band {
        stroke: var(--pt-surface);
        stroke-width: 1.5;
        vector-effect: non-scaling-stroke;
      }
      .op {
        stroke: var(--pt-surface);
        stroke-opacity: 0.55;
        stroke-width: 1;
        vector-effect: non-scaling-stroke;
      }
      .chosen {
        fill: none;
        stroke: var(--pt-text);
        stroke-width: 3;
        vector-effect: non-scaling-stroke;
      }
      .frame {
        position: relative;
      }
      label {
        display: block;
        margin-top: 0.25rem;
      }
      input[type='range'] {
        display: block;
        min-height: 2.75rem;
        padding: 0;
        border: none;
        background: none;
        accent-color: var(--pt-accent);
      }
      .labels {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        pointer-events: none;
        cursor: default;
      }
      .labels text {
        fill: var(--pt-on-peer);
        font-size: 13px;
        font-weight: 650;
        text-anchor: middle;
        dominant-baseline: central;
      }
    `,
  ];

  @property({ attribute: false }) strip: Strip | undefined;
  /** In the order of their colours and numbers. */
  @property({ attribute: false }) peers: readonly PeerId[] = [];
  @property({ type: Number }) chosen = 0;
  /** Only to look at. */
  @property({ type: Boolean, reflect: true }) compact = false;
  @property() label = '';

  override render() {
    if (!this.strip) return nothing;
    const { ops, bands } = this.strip;
    const op = ops[this.chosen];
    return html`<div class="frame">
        ${svg`<svg viewBox="0 0 ${STRIP_WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${this.label}
          @pointermove=${(event: PointerEvent) => this.point(event)}
          @pointerdown=${(event: PointerEvent) => this.point(event)}>
          ${bands.map((band) => this.band(band))}
          ${ops.slice(1).map(({ x }) => svg`<line class="op" x1=${x} x2=${x} y1="0" y2=${HEIGHT}></line>`)}
          ${
            op && !this.compact
              ? svg`<rect class="chosen" x=${op.x} y="1" width=${op.width} height=${HEIGHT - 2}></rect>`
              : nothing
          }
        </svg>`}
        ${this.numbers(bands)}
      </div>
      ${
        this.compact || ops.length < 2
          ? nothing
          : html`<label
              ><span class="small muted">${strings.network.chooseOp}</span>
              <input
                type="range"
                min="0"
                max=${ops.length - 1}
                step="1"
                .value=${String(this.chosen)}
                aria-valuetext=${op ? strings.network.opName(op.index, ops.length, op.id) : ''}
                @input=${(event: Event) => this.choose(Number((event.target as HTMLInputElement).value))}
            /></label>`
      }`;
  }

  private band({ peer, x, width, y, height }: StripBand) {
    const index = this.peers.indexOf(peer);
    return svg`<rect class="band ${peerClass(index)}" x=${x} y=${y * HEIGHT} width=${width} height=${height * HEIGHT}></rect>`;
  }

  /** A picture of their own: letters would be stretched with the strip. */
  private numbers(bands: readonly StripBand[]) {
    return svg`<svg class="labels" aria-hidden="true">
      ${bands
        .filter(({ width, height }) => width >= LEAST_LABEL_WIDTH && height >= LEAST_LABEL_HEIGHT)
        .map(
          ({ peer, x, width, y, height }) =>
            svg`<text x="${((x + width / 2) / STRIP_WIDTH) * 100}%" y="${(y + height / 2) * 100}%">${this.peers.indexOf(peer) + 1}</text>`,
        )}
    </svg>`;
  }

  private point({ currentTarget, clientX }: PointerEvent): void {
    if (this.compact || !this.strip) return;
    const { left, width } = (currentTarget as SVGElement).getBoundingClientRect();
    const at = ((clientX - left) / width) * STRIP_WIDTH;
    const found = this.strip.ops.find((op) => at < op.x + op.width);
    if (found && found.index !== this.chosen) this.choose(found.index);
  }

  private choose(detail: number): void {
    this.dispatchEvent(new CustomEvent('choose-op', { detail }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-network-strip': NetworkStrip;
  }
}
