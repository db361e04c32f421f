import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { describeBox, formatBytes, formatMs } from '../format.ts';
import type { RoomState, SessionWork } from '../peer-state.ts';
import { strings } from '../strings.ts';
import type { ServedTile } from '../../runtime/serve-peer.ts';
import { formatDuration } from '../../shared/rate-meter.ts';
import './progress-bar.ts';
import { sharedStyles } from './shared-styles.ts';

/** What this device computes: per session its tiles (ops, boxes), frames and times. */
@customElement('pt-work')
export class WorkCard extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .card {
        min-height: 11rem;
      }
      .session + .session {
        margin-top: 1.25rem;
        padding-top: 1rem;
        border-top: 1px solid var(--pt-line);
      }
      .figures {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, 1fr));
        gap: 0.5rem;
        margin: 0.625rem 0 0.875rem;
      }
      .figures div {
        display: flex;
        flex-direction: column-reverse;
        background: var(--pt-sunken);
        border-radius: 8px;
        padding: 0.5rem 0.625rem;
      }
      .figures dd {
        font-size: 1.125rem;
        font-weight: 650;
        white-space: nowrap;
      }
      pt-progress {
        margin-top: 0.75rem;
      }
      li + li {
        margin-top: 0.75rem;
      }
      .tile {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        column-gap: 1rem;
      }
      svg {
        display: block;
        width: 100%;
        height: 0.5rem;
        margin: 0.25rem 0;
      }
      .track {
        fill: var(--pt-line);
      }
      .span {
        fill: var(--pt-accent);
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;

  override render() {
    if (!this.room) return nothing;
    const sessions = [...this.room.sessions.values()];
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${strings.work}</h2>
      ${
        sessions.length === 0
          ? html`<p class="muted">${strings.noWork}</p>
              ${
                this.room.frames > 0
                  ? html`<p class="muted small number">${strings.framesSoFar(this.room.frames)}</p>`
                  : nothing
              }`
          : sessions.map((session) => this.session(session))
      }
    </section>`;
  }

  private session(work: SessionWork) {
    const { stage, model, seed } = work;
    if (stage.state === 'loading') {
      const { loadedBytes, totalBytes, readyTiles, tileCount, bytesPerSecond } = stage;
      const leftMs = bytesPerSecond && ((totalBytes - loadedBytes) * 1000) / bytesPerSecond;
      return html`<div class="session">
        <h3>${model}</h3>
        ${
          totalBytes > 0
            ? html`<pt-progress
                label=${seed === undefined ? strings.loadingWeights : strings.computingWeights}
                .done=${loadedBytes}
                .total=${totalBytes}
                amount=${strings.loadedOf(formatBytes(loadedBytes), formatBytes(totalBytes))}
                outlook=${
                  bytesPerSecond && leftMs
                    ? strings.loadingRate(formatBytes(bytesPerSecond), formatDuration(leftMs))
                    : ''
                }
              ></pt-progress>`
            : nothing
        }
        <pt-progress
          label=${strings.tilesReady}
          .done=${readyTiles}
          .total=${tileCount}
          amount=${strings.tilesReadyOf(readyTiles, tileCount)}
        ></pt-progress>
      </div>`;
    }
    const time = (ms: number | undefined): string => (ms === undefined ? '–' : formatMs(ms));
    return html`<div class="session">
      <h3>${model}</h3>
      ${seed === undefined ? nothing : html`<p class="muted small">${strings.randomWeights(seed)}</p>`}
      <dl class="figures number">
        <div>
          <dt class="muted small">${strings.frames}</dt>
          <dd>${work.frames}</dd>
        </div>
        <div>
          <dt class="muted small">${strings.computeTime}</dt>
          <dd>${time(work.meanComputeMs)}</dd>
        </div>
        <div>
          <dt class="muted small">${strings.lastTime}</dt>
          <dd>${time(work.lastComputeMs)}</dd>
        </div>
      </dl>
      ${
        stage.tiles.length === 0
          ? html`<p class="muted">${strings.noTiles}</p>`
          : html`<ul>
              ${stage.tiles.map((tile) => this.tile(tile, stage.opCount))}
            </ul>`
      }
    </div>`;
  }

  private tile(tile: ServedTile, opCount: number) {
    const [start, end] = tile.ops;
    return html`<li>
      <p class="tile">
        <span>${strings.tileOps(tile.firstOp, tile.lastOp)}</span>
        <span class="muted small number">${strings.opsOf(start, end, opCount)}</span>
      </p>
      ${svg`<svg viewBox="0 0 ${Math.max(1, opCount)} 1" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" width=${opCount} height="1"></rect>
        <rect class="span" x=${start} width=${end - start} height="1"></rect>
      </svg>`}
      ${tile.outputs.map(
        ({ tensor, box }) =>
          html`<p class="muted small number">
            <span class="mono">${tensor}</span> ${describeBox(box)}, ${formatBytes(tile.weightBytes)}
            ${strings.weights}
          </p>`,
      )}
    </li>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-work': WorkCard;
  }
}
