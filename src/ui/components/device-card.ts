import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { shortId } from '../../shared/ids.ts';
import { formatBytes } from '../format.ts';
import type { EngineState, RoomState } from '../peer-state.ts';
import { strings } from '../strings.ts';
import { sharedStyles } from './shared-styles.ts';

/** What this device is and offers: name, engine (and why others were refused), memory, what its browser lacks. */
@customElement('pt-device')
export class DeviceCard extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .notes {
        margin-top: 0.875rem;
        padding-top: 0.75rem;
        border-top: 1px solid var(--pt-line);
      }
      .notes ul {
        margin-top: 0.25rem;
      }
      .notes li + li {
        margin-top: 0.375rem;
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;

  override render() {
    if (!this.room) return nothing;
    const { device, engine, self, wakeLock } = this.room;
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${strings.device}</h2>
      <dl class="facts">
        <dt>${strings.deviceName}</dt>
        <dd>${device.name}</dd>
        <dt>${strings.deviceId}</dt>
        <dd class="mono">${self ? shortId(self) : '…'}</dd>
        <dt>${strings.engine}</dt>
        <dd>${this.engineText(engine)}</dd>
        <dt>${strings.memory}</dt>
        <dd class="number">${formatBytes(device.memoryBytes)}</dd>
        <dt>${strings.screen}</dt>
        <dd>${strings.wakeLock[wakeLock]}</dd>
      </dl>
      ${this.refused(engine)} ${this.missing()}
    </section>`;
  }

  private engineText(engine: EngineState) {
    if (engine.state === 'choosing') return html`<span class="wait">${strings.engineChoosing}</span>`;
    if (engine.state === 'failed') return html`<span class="bad">${strings.engineNone}</span>`;
    return html`${engine.name}
      <span class="muted small">(${strings.accuracy[engine.accuracy]})</span>
      ${this.room!.measuring ? html`<span class="wait small">${strings.measuring}</span>` : nothing}`;
  }

  private refused(engine: EngineState) {
    if (engine.state === 'choosing' || engine.refused.length === 0) return nothing;
    return html`<div class="notes small">
      <h3 class="muted small">${strings.refusedEngines}</h3>
      <ul>
        ${engine.refused.map(({ name, reason }) => html`<li><strong>${name}</strong>: ${reason}</li>`)}
      </ul>
    </div>`;
  }

  private missing() {
    const { missing } = this.room!.device;
    if (missing.length === 0) return nothing;
    return html`<div class="notes small">
      <h3 class="muted small">${strings.missingTitle}</h3>
      <ul>
        ${missing.map((feature) => html`<li>${strings.missing[feature]}</li>`)}
      </ul>
    </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-device': DeviceCard;
  }
}
