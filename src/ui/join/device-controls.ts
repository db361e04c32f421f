import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../components/shared-styles.ts';
import { formatBytes } from '../format.ts';
import type { RoomState } from '../peer-state.ts';
import { strings } from '../strings.ts';
import { memoryRange, REST_LEVELS, SHARES, type DeviceSettings } from './device-settings.ts';

/**
 * What the people at this device decide: its name, how much of it is given, when it rests, when it leaves.
 * @fires change-settings with what is to change of the settings
 * @fires pause-device, resume-device, leave-room
 */
@customElement('pt-device-controls')
export class DeviceControls extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      :host > * + * {
        margin-top: 1rem;
      }
      fieldset {
        border: none;
        margin: 1rem 0 0;
        padding: 0;
        min-width: 0;
      }
      label > span,
      legend {
        display: block;
        padding: 0;
        color: var(--pt-muted);
        font-size: 0.875rem;
      }
      .choices {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, 1fr));
        border: 1px solid var(--pt-muted);
        border-radius: 8px;
        overflow: hidden;
        margin-top: 0.25rem;
      }
      .choices label {
        position: relative;
        display: grid;
        place-items: center;
        min-height: 2.75rem;
        cursor: pointer;
      }
      .choices label + label {
        border-left: 1px solid var(--pt-muted);
      }
      /* Over the whole label, so that it is hit there, and read as what it is. */
      .choices input {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        margin: 0;
        opacity: 0;
        cursor: pointer;
      }
      .choices .text {
        color: inherit;
        font-size: 1rem;
        font-weight: 600;
      }
      .choices label:has(:checked) {
        background: var(--pt-accent);
        color: var(--pt-on-accent);
      }
      .choices label:has(:focus-visible) {
        outline: 3px solid var(--pt-accent);
        outline-offset: -6px;
        outline-color: currentColor;
      }
      input.name {
        font-family: inherit;
        font-size: 1rem;
      }
      input[type='range'] {
        padding: 0;
        border: none;
        background: none;
        accent-color: var(--pt-accent);
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 0.75rem;
        margin-top: 1.25rem;
      }
      .said {
        min-height: 1.5rem;
        margin-top: 0.5rem;
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;

  override render() {
    if (!this.room) return nothing;
    const { settings, device, activity, isLeaving, self, battery } = this.room;
    const { leastBytes, mostBytes, stepBytes } = memoryRange(device);
    const isPaused = activity.state !== 'active' && activity.reason === 'asked';
    return html`<label
        ><span>${strings.deviceName}</span>
        <input
          class="name"
          maxlength="60"
          autocomplete="off"
          .value=${settings.name}
          @change=${(event: Event) => this.change({ name: valueOf(event) })}
      /></label>
      <fieldset>
        <legend>${strings.controls.share}</legend>
        <div class="choices">
          ${SHARES.map(
            (share) =>
              html`<label
                ><input
                  type="radio"
                  name="share"
                  value=${share}
                  .checked=${share === settings.share}
                  @change=${() => this.change({ share })}
                /><span class="text">${strings.controls.percent(share * 100)}</span></label
              >`,
          )}
        </div>
      </fieldset>
      <fieldset>
        <label
          ><span>${strings.controls.memory(formatBytes(settings.memoryBytes))}</span>
          <input
            type="range"
            min=${leastBytes}
            max=${mostBytes}
            step=${stepBytes}
            .value=${String(settings.memoryBytes)}
            aria-valuetext=${formatBytes(settings.memoryBytes)}
            @change=${(event: Event) => this.change({ memoryBytes: Number(valueOf(event)) })}
        /></label>
      </fieldset>
      <fieldset>
        <label
          ><span>${strings.controls.restBelow}</span>
          <select @change=${(event: Event) => this.change({ restBelow: Number(valueOf(event)) })}>
            ${REST_LEVELS.map(
              (level) =>
                html`<option value=${level} ?selected=${level === settings.restBelow}>
                  ${level === 0 ? strings.controls.restNever : strings.controls.percent(level * 100)}
                </option>`,
            )}
          </select></label
        >
        ${battery ? nothing : html`<p class="small muted">${strings.controls.noBattery}</p>`}
      </fieldset>
      <p class="buttons">
        <button
          class="quiet"
          aria-disabled=${!self || isLeaving}
          @click=${() => this.tell(isPaused ? 'resume-device' : 'pause-device')}
        >
          ${isPaused ? strings.controls.resume : strings.controls.pause}
        </button>
        <button class="quiet" aria-disabled=${!self || isLeaving} @click=${() => this.tell('leave-room')}>
          ${strings.controls.leave}
        </button>
      </p>
      <p class="said small muted" role="status">
        ${
          isLeaving
            ? strings.controls.leaving
            : activity.state === 'active'
              ? ''
              : strings.controls[activity.state][activity.reason]
        }
      </p>`;
  }

  private change(detail: Partial<DeviceSettings>): void {
    this.dispatchEvent(new CustomEvent('change-settings', { detail, bubbles: true, composed: true }));
  }

  private tell(type: 'pause-device' | 'resume-device' | 'leave-room'): void {
    if (!this.room?.self || this.room.isLeaving) return;
    this.dispatchEvent(new Event(type, { bubbles: true, composed: true }));
  }
}

const valueOf = ({ target }: Event): string => (target as HTMLInputElement | HTMLSelectElement).value;

declare global {
  interface HTMLElementTagNameMap {
    'pt-device-controls': DeviceControls;
  }
}
