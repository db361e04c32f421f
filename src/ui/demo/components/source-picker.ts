import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../../components/shared-styles.ts';
import { liveStrings } from '../../strings.ts';
import type { LiveState } from '../live-state.ts';
import type { CameraWish, SourceWish } from '../picture-source.ts';
import { formStyles } from './form-styles.ts';

/**
 * Chooses what the room is shown: a camera, a file, a sample.
 * @fires source-wished with a `SourceWish`, or undefined to stop, as `detail`
 * @fires mirror-wished with a boolean as `detail`
 */
@customElement('pt-source-picker')
export class SourcePicker extends LitElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 0.75rem;
      }
      .row + .row {
        margin-top: 0.5rem;
      }
      .or {
        margin-top: 0.5rem;
      }
      .samples {
        display: flex;
        gap: 0.375rem;
        overflow-x: auto;
        padding: 4px;
        margin: 0.25rem -4px 0;
      }
      @media (min-width: 52rem) {
        .samples {
          flex-wrap: wrap;
        }
      }
      .samples button {
        flex: none;
        padding: 2px;
        min-height: 0;
        border-color: var(--pt-line);
        background: transparent;
      }
      .samples img {
        display: block;
        width: 2.75rem;
        height: 2.75rem;
        object-fit: cover;
        border-radius: 6px;
      }
    `,
  ];

  @property({ attribute: false }) live: LiveState | undefined;
  /** This device is in the room. */
  @property({ type: Boolean }) ready = false;
  /** Addresses of pictures that the network is made for. */
  @property({ attribute: false }) samples: readonly string[] = [];

  override render() {
    if (!this.live) return nothing;
    const { source } = this.live;
    const isCamera = source.state !== 'none' && source.wish.kind === 'camera';
    return html`<div class="row">
        <button aria-disabled=${!this.ready} @click=${() => this.wish(this.cameraWish())}>
          ${liveStrings.camera}
        </button>
        <label class="button ${this.ready ? '' : 'off'}">
          ${liveStrings.file}
          <input
            type="file"
            accept="image/*,video/*"
            class="visually-hidden"
            ?disabled=${!this.ready}
            @change=${(event: Event) => this.chosenFile(event)}
          />
        </label>
        ${
          source.state === 'none'
            ? nothing
            : html`<button class="quiet" @click=${() => this.wish(undefined)}>${liveStrings.stop}</button>`
        }
      </div>
      ${isCamera ? this.cameraRow(this.live) : nothing}
      ${this.samples.length > 0 ? this.sampleRow() : nothing}`;
  }

  private cameraRow({ cameras, source, isMirrored }: LiveState) {
    const wished = source.state !== 'none' && source.wish.kind === 'camera' ? source.wish : undefined;
    const value = wished?.deviceId ?? wished?.facing ?? '';
    const option = (key: string, text: string) =>
      html`<option value=${key} ?selected=${key === value}>${text}</option>`;
    return html`<div class="row">
      <label class="field">
        ${liveStrings.whichCamera}
        <select @change=${(event: Event) => this.chosenCamera((event.target as HTMLSelectElement).value)}>
          ${option('', liveStrings.anyCamera)} ${option('user', liveStrings.front)}
          ${option('environment', liveStrings.back)}
          ${cameras.map(({ id, name }, index) => option(id, name || liveStrings.unnamedCamera(index + 1)))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          .checked=${isMirrored}
          @change=${(event: Event) => this.send('mirror-wished', (event.target as HTMLInputElement).checked)}
        />
        ${liveStrings.mirrored}
      </label>
    </div>`;
  }

  private sampleRow() {
    return html`<p class="or small muted">${liveStrings.samples}</p>
      <div class="samples" role="group" aria-label=${liveStrings.samples}>
        ${this.samples.map(
          (url, index) =>
            html`<button
              aria-disabled=${!this.ready}
              aria-label=${liveStrings.sample(String(index + 1))}
              @click=${() => this.wish({ kind: 'sample', url })}
            >
              <img src=${url} alt="" loading="lazy" />
            </button>`,
        )}
      </div>`;
  }

  /** The camera that was used last, where one was. */
  private cameraWish(): CameraWish {
    const source = this.live?.source;
    return source?.state === 'open' && source.wish.kind === 'camera' ? source.wish : { kind: 'camera' };
  }

  private chosenCamera(value: string): void {
    if (value === '') this.wish({ kind: 'camera' });
    else if (value === 'user' || value === 'environment') this.wish({ kind: 'camera', facing: value });
    else this.wish({ kind: 'camera', deviceId: value });
  }

  private chosenFile(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    // The same file may be chosen once more.
    input.value = '';
    if (file) this.wish({ kind: 'file', file });
  }

  private wish(wish: SourceWish | undefined): void {
    if (this.ready || !wish) this.send('source-wished', wish);
  }

  private send(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-source-picker': SourcePicker;
  }
}
