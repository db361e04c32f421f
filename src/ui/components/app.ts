import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { initialPeerState, type PeerState, type RoomState } from '../peer-state.ts';
import { unreachable } from '../../shared/errors.ts';
import { strings } from '../strings.ts';
import './connection-status.ts';
import './device-card.ts';
import './members-card.ts';
import './no-room-view.ts';
import './problem-notice.ts';
import './room-link-card.ts';
import { sharedStyles } from './shared-styles.ts';
import './try-card.ts';
import './work-card.ts';

/**
 * The whole page as a function of its state; it reads nothing else.
 * @fires create-room (from the view without a room), try-room (from the card that asks the room)
 */
@customElement('pt-app')
export class App extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .frame {
        max-width: 70rem;
        margin: 0 auto;
        padding: 1rem;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0 0.875rem;
        padding: 0.25rem 0 1rem;
      }
      h1 {
        font-size: 1.25rem;
        letter-spacing: -0.01em;
      }
      .room {
        margin-left: auto;
      }
      main {
        display: grid;
        gap: 1rem;
        grid-template-columns: minmax(0, 1fr);
        align-items: start;
      }
      .column {
        display: grid;
        gap: 1rem;
        min-width: 0;
      }
      .problems > * + * {
        margin-top: 0.75rem;
      }
      .invite {
        margin-top: 0.75rem;
      }
      .invite > * + * {
        margin-top: 0.75rem;
      }
      .stopped > * + * {
        margin-top: 1rem;
      }
      @media (min-width: 52rem) {
        .frame {
          padding: 1.25rem 1.5rem 3rem;
        }
        main.two {
          grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
        }
        .whole {
          grid-column: 1 / -1;
        }
      }
    `,
  ];

  @property({ attribute: false }) state: PeerState = initialPeerState;

  override render() {
    const { state } = this;
    return html`<div class="frame">
      <header>
        <h1>${strings.title}</h1>
        ${
          state.view === 'no-room'
            ? html`<p class="muted small">${strings.tagline}</p>`
            : html`<p class="room mono">${state.room}</p>`
        }
      </header>
      ${this.view(state)}
    </div>`;
  }

  private view(state: PeerState) {
    switch (state.view) {
      case 'no-room':
        return html`<main><pt-no-room .problem=${state.problem} .link=${state.link}></pt-no-room></main>`;
      case 'stopped':
        return html`<main>
          <section class="card stopped" role="alert">
            <h2>${strings.stopped}</h2>
            <pt-problem .problem=${state.problem}></pt-problem>
            <p><button @click=${() => location.reload()}>${strings.reload}</button></p>
          </section>
        </main>`;
      case 'room':
        return this.roomView(state);
      default:
        return unreachable(state);
    }
  }

  private roomView(room: RoomState) {
    return html`<main class="two">
      <pt-connection class="whole" .room=${room}></pt-connection>
      <div class="column">
        <pt-work .room=${room}></pt-work>
        <pt-try .room=${room}></pt-try>
        ${
          room.problems.length > 0
            ? html`<section class="card problems" aria-labelledby="problems">
                <h2 id="problems">${strings.problems}</h2>
                ${room.problems.map((problem) => html`<pt-problem .problem=${problem}></pt-problem>`)}
              </section>`
            : nothing
        }
      </div>
      <div class="column">
        <pt-device .room=${room}></pt-device>
        <pt-members .room=${room}></pt-members>
        <section class="card" aria-label=${strings.invite}>
          <details>
            <summary>${strings.invite}</summary>
            <div class="invite">
              <p class="small muted">${strings.inviteExplain}</p>
              <pt-room-link .link=${room.link}></pt-room-link>
            </div>
          </details>
        </section>
      </div>
    </main>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-app': App;
  }
}
