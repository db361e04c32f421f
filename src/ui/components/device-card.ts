import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { shortId } from '../../shared/ids.ts';
import '../join/device-controls.ts';
import '../join/preflight-list.ts';
import type { RoomState } from '../peer-state.ts';
import { strings } from '../strings.ts';
import { sharedStyles } from './shared-styles.ts';

/** This device: whether all that it needs is there, and what its people decide about it. Its controls' events bubble. */
@customElement('pt-device')
export class DeviceCard extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .stack {
        display: grid;
        gap: 1rem;
        grid-template-columns: minmax(0, 1fr);
        align-items: start;
      }
      @media (min-width: 52rem) {
        .stack {
          grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
        }
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;

  override render() {
    if (!this.room) return nothing;
    const { self, device } = this.room;
    return html`<div class="stack">
      <section class="card" aria-labelledby="title">
        <h2 id="title">${strings.device}</h2>
        <p class="small muted">
          ${device.platform}, ${strings.deviceId.toLowerCase()}
          <span class="mono">${self ? shortId(self) : '…'}</span>
        </p>
        <pt-preflight .room=${this.room}></pt-preflight>
      </section>
      <section class="card" aria-labelledby="gives">
        <h2 id="gives">${strings.controls.title}</h2>
        <pt-device-controls .room=${this.room}></pt-device-controls>
      </section>
    </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-device': DeviceCard;
  }
}
