import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../../components/shared-styles.ts';
import { teachStrings } from '../../strings.ts';
import { formStyles } from '../../demo/components/form-styles.ts';
import { isFull, type TaughtClass } from '../teach-state.ts';

/**
 * A class: its name, its examples, and a button that collects while it is held, by pointer or by key.
 * @fires hold-started, hold-ended, examples-forgotten, class-removed
 * @fires class-named with the name as `detail`
 */
@customElement('pt-class-card')
export class ClassCard extends LitElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      .class {
        border: 1px solid var(--pt-line);
        border-radius: var(--pt-radius);
        padding: 0.75rem;
        display: grid;
        gap: 0.5rem;
      }
      .class.held {
        border-color: var(--pt-accent);
        box-shadow: 0 0 0 2px var(--pt-accent);
      }
      input {
        font-family: inherit;
        font-size: 1rem;
        font-weight: 600;
      }
      .hold {
        width: 100%;
        touch-action: none;
        user-select: none;
        -webkit-user-select: none;
        -webkit-touch-callout: none;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0.25rem 0.75rem;
        min-height: 2.75rem;
      }
      .row button {
        padding: 0.375rem 0.75rem;
        border-color: transparent;
      }
    `,
  ];

  @property({ attribute: false }) taught: TaughtClass | undefined;
  /** Counted from 1: what it is called until it has a name. */
  @property({ type: Number }) number = 1;
  @property({ type: Boolean }) held = false;
  /** Something is shown, and its features come. */
  @property({ type: Boolean }) ready = false;
  @property({ type: Boolean }) removable = false;

  override render() {
    const { taught } = this;
    if (!taught) return nothing;
    const name = taught.name || teachStrings.className(this.number);
    const count = taught.examples.length;
    const mayHold = this.ready && !isFull(taught);
    return html`<div class="class ${this.held ? 'held' : ''}" role="group" aria-label=${name}>
      <input
        aria-label=${teachStrings.nameLabel(this.number)}
        placeholder=${teachStrings.className(this.number)}
        autocomplete="off"
        maxlength="60"
        .value=${taught.name}
        @input=${(event: Event) => this.send('class-named', (event.target as HTMLInputElement).value)}
      />
      <button
        class="hold"
        aria-label=${this.held ? teachStrings.holdingFor(name) : teachStrings.holdFor(name)}
        aria-pressed=${this.held}
        aria-disabled=${!mayHold}
        @pointerdown=${(event: PointerEvent) => this.pressed(event, mayHold)}
        @pointerup=${() => this.send('hold-ended')}
        @pointercancel=${() => this.send('hold-ended')}
        @lostpointercapture=${() => this.send('hold-ended')}
        @keydown=${(event: KeyboardEvent) => this.keyDown(event, mayHold)}
        @keyup=${(event: KeyboardEvent) => this.keyUp(event)}
        @blur=${() => this.send('hold-ended')}
        @contextmenu=${(event: Event) => event.preventDefault()}
      >
        ${this.held ? teachStrings.holding : teachStrings.hold}
      </button>
      <div class="row small">
        <span class="muted number">
          ${teachStrings.examples(count)}${isFull(taught) ? html`. ${teachStrings.full}` : nothing}
        </span>
        <span>
          ${
            count > 0
              ? html`<button
                  class="quiet"
                  aria-label=${teachStrings.forgetOf(name)}
                  @click=${() => this.send('examples-forgotten')}
                >
                  ${teachStrings.forget}
                </button>`
              : nothing
          }
          ${
            this.removable
              ? html`<button
                  class="quiet"
                  aria-label=${teachStrings.removeOf(name)}
                  @click=${() => this.send('class-removed')}
                >
                  ${teachStrings.remove}
                </button>`
              : nothing
          }
        </span>
      </div>
    </div>`;
  }

  private pressed(event: PointerEvent, mayHold: boolean): void {
    if (!mayHold || event.button !== 0) return;
    // The finger may slide off the button: it is held all the same.
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.send('hold-started');
  }

  private keyDown(event: KeyboardEvent, mayHold: boolean): void {
    if (event.key !== ' ' && event.key !== 'Enter') return;
    event.preventDefault();
    if (mayHold && !event.repeat) this.send('hold-started');
  }

  private keyUp(event: KeyboardEvent): void {
    if (event.key === ' ' || event.key === 'Enter') this.send('hold-ended');
  }

  private send(name: string, detail?: string): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-class-card': ClassCard;
  }
}
