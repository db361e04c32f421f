import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { encode } from 'uqr';
import { strings } from '../strings.ts';
import { sharedStyles } from './shared-styles.ts';

/** A room link to copy or to scan. The link is a secret: whoever shows it decides where this element stands. */
@customElement('pt-room-link')
export class RoomLinkCard extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: 0.75rem;
        align-items: end;
      }
      label {
        flex: 1 1 16rem;
        min-width: 0;
      }
      /* Scanners want dark modules on a light ground, in both themes. */
      svg {
        display: block;
        width: min(100%, 13rem);
        margin-top: 1rem;
        background: #ffffff;
        border: 1px solid var(--pt-line);
        border-radius: 6px;
      }
      .said {
        min-height: 1.5rem;
      }
    `,
  ];

  @property() link = '';
  @state() private said = '';
  @query('input') private input!: HTMLInputElement;

  override render() {
    if (!this.link) return nothing;
    return html`<div class="row">
        <label>
          <span class="small muted">${strings.linkLabel}</span>
          <input readonly .value=${this.link} @focus=${() => this.input.select()} />
        </label>
        <button class="quiet" @click=${() => void this.copy()}>${strings.copy}</button>
        ${
          // Absent on plain http, and on most desktops.
          'share' in navigator
            ? html`<button class="quiet" @click=${() => void this.share()}>${strings.share}</button>`
            : nothing
        }
      </div>
      <p class="said small" role="status">${this.said}</p>
      ${this.code()}`;
  }

  private code() {
    const { data, size } = encode(this.link, { border: 2 });
    const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
    return svg`<svg role="img" aria-label=${strings.qrLabel} viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">
      <path d=${path} fill="#000000"></path>
    </svg>`;
  }

  private async share(): Promise<void> {
    try {
      await navigator.share({ title: strings.title, text: strings.shareText, url: this.link });
    } catch {
      // Whoever closes the sheet wants nothing more; where it failed, the link can still be copied.
    }
  }

  private async copy(): Promise<void> {
    try {
      // Absent on plain http.
      await navigator.clipboard.writeText(this.link);
      this.said = strings.copied;
    } catch {
      this.input.select();
      this.said = strings.copyFailed;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-room-link': RoomLinkCard;
  }
}
