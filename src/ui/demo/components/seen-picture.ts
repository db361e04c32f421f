import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../../components/shared-styles.ts';
import { liveStrings } from '../../strings.ts';
import type { FrameRead } from '../frame-reader.ts';

/** The small gray picture that a network gets, where it is not what is shown. Its place stays where there is none. */
@customElement('pt-seen-picture')
export class SeenPicture extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .seen {
        display: flex;
        align-items: center;
        gap: 0.75rem;
      }
      canvas {
        width: 4rem;
        height: 4rem;
        background: #fff;
        border: 1px solid var(--pt-line);
        border-radius: 6px;
        image-rendering: pixelated;
      }
    `,
  ];

  @property({ attribute: false }) seen: FrameRead['seen'];

  override render() {
    return html`<div class="seen">
      <canvas role="img" aria-label=${liveStrings.seen}></canvas>
      <p class="small muted" aria-hidden="true">${liveStrings.seen}</p>
    </div>`;
  }

  override updated(): void {
    const canvas = this.renderRoot.querySelector('canvas')!;
    const extent = this.seen?.extent ?? 1;
    canvas.width = extent;
    canvas.height = extent;
    if (!this.seen) return;
    const rgba = new Uint8ClampedArray(extent * extent * 4);
    this.seen.pixels.forEach((value, index) => rgba.set([value, value, value, 255], index * 4));
    canvas.getContext('2d')?.putImageData(new ImageData(rgba, extent, extent), 0, 0);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-seen-picture': SeenPicture;
  }
}
