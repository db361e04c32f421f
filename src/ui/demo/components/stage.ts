import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { sharedStyles } from '../../components/shared-styles.ts';
import { liveStrings } from '../../strings.ts';
import { droppedFiles } from '../dropped-entries.ts';
import type { SourceState } from '../live-state.ts';
import type { Area } from '../picture.ts';

/**
 * What the room is shown: the video or picture, with what the network gets of it marked. Its box keeps its size, whatever is in
 * it. Takes files and folders that are dropped.
 * @fires files-dropped with the files as `detail`
 */
@customElement('pt-stage')
export class Stage extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .stage {
        position: relative;
        aspect-ratio: 4 / 3;
        display: grid;
        place-items: center;
        background: var(--pt-sunken);
        border: 1px solid var(--pt-line);
        border-radius: var(--pt-radius);
        overflow: hidden;
      }
      .stage.over {
        border: 2px dashed var(--pt-accent);
      }
      .stage > :is(video, canvas, svg) {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        object-fit: contain;
      }
      .mirrored > :is(video, canvas, svg) {
        transform: scaleX(-1);
      }
      rect {
        fill: none;
        stroke: var(--pt-mark);
        stroke-width: 3px;
        vector-effect: non-scaling-stroke;
      }
      rect.ground {
        stroke: #000;
        stroke-width: 6px;
        opacity: 0.5;
      }
      :host {
        --pt-mark: #ffd23f;
      }
      .hint {
        padding: 1rem;
        text-align: center;
      }
    `,
  ];

  @property({ attribute: false }) source: SourceState = { state: 'none' };
  @property({ type: Boolean }) mirrored = false;
  /** In the pixels of what is shown. */
  @property({ attribute: false }) area: Area | undefined;
  @state() private isOver = false;

  override render() {
    const { source } = this;
    const classes = `stage ${this.mirrored ? 'mirrored' : ''} ${this.isOver ? 'over' : ''}`;
    const label = liveStrings.shown(source.state === 'open' ? source.source.name : '');
    return html`<div
      class=${classes}
      role="group"
      aria-label=${label}
      @dragover=${(event: DragEvent) => this.dragged(event, true)}
      @dragleave=${(event: DragEvent) => this.dragged(event, false)}
      @drop=${(event: DragEvent) => this.dropped(event)}
    >
      ${
        source.state === 'open'
          ? html`${source.source.view}${this.mark()}`
          : html`<p class="hint muted">
              ${source.state === 'opening' ? liveStrings.opening : liveStrings.drop}
            </p>`
      }
    </div>`;
  }

  override updated(): void {
    // A video that was taken out of the page, and put into it again, stands still.
    const view = this.renderRoot.querySelector('video');
    if (view?.paused) void view.play().catch(() => undefined);
  }

  private mark() {
    const { area, source } = this;
    if (!area || source.state !== 'open') return nothing;
    const { width, height } = source.source.size;
    const box = (kind: string) =>
      svg`<rect class=${kind} x=${area.left} y=${area.top} width=${area.width} height=${area.height} rx="2" />`;
    return html`<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${box('ground')}${box('')}</svg>`;
  }

  private dragged(event: DragEvent, isOver: boolean): void {
    event.preventDefault();
    this.isOver = isOver;
  }

  private dropped(event: DragEvent): void {
    this.dragged(event, false);
    if (!event.dataTransfer) return;
    const tell = (files: readonly File[]): void => {
      if (files.length > 0) this.dispatchEvent(new CustomEvent('files-dropped', { detail: files }));
    };
    // A folder that cannot be read is one without files.
    droppedFiles(event.dataTransfer).then(tell, () => undefined);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-stage': Stage;
  }
}
