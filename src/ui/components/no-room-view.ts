import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Problem } from '../problem.ts';
import { strings } from '../strings.ts';
import './problem-notice.ts';
import './room-link-card.ts';
import { sharedStyles } from './shared-styles.ts';

/**
 * Shown when the address holds no room that can be read.
 * @fires create-room when a new room is asked for
 */
@customElement('pt-no-room')
export class NoRoomView extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .card {
        max-width: 44rem;
      }
      .card > * + * {
        margin-top: 1rem;
      }
      h2 {
        font-size: 1.375rem;
      }
    `,
  ];

  @property({ attribute: false }) problem: Problem | undefined;
  @property() link: string | undefined;

  override render() {
    const { noRoom } = strings;
    if (this.link) {
      return html`<section class="card" aria-labelledby="title">
        <h2 id="title">${noRoom.created}</h2>
        <p>${noRoom.share}</p>
        <pt-room-link .link=${this.link}></pt-room-link>
        <p><a class="button" href=${this.link}>${noRoom.enter}</a></p>
      </section>`;
    }
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${this.problem ? noRoom.invalidTitle : noRoom.title}</h2>
      ${this.problem ? html`<pt-problem .problem=${this.problem}></pt-problem>` : nothing}
      <p>${noRoom.explain}</p>
      <p><button @click=${() => this.create()}>${noRoom.create}</button></p>
    </section>`;
  }

  private create(): void {
    this.dispatchEvent(new Event('create-room', { bubbles: true, composed: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-no-room': NoRoomView;
  }
}
