import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { unreachable } from '../../shared/errors.ts';
import '../demo/components/demo-view.ts';
import type { DemoPort } from '../demo/demo-controller.ts';
import type { ServedModel } from '../demo/served-models.ts';
import '../mesh-view/mesh-view.ts';
import '../network-view/network-view.ts';
import { initialPeerState, type PeerState, type RoomState } from '../peer-state.ts';
import type { Problem } from '../problem.ts';
import { strings } from '../strings.ts';
import type { TeachPort } from '../teach/teach-controller.ts';
import '../waterfall/waterfall-view.ts';
import './connection-status.ts';
import './device-card.ts';
import './no-room-view.ts';
import './problem-notice.ts';
import './room-link-card.ts';
import { sharedStyles } from './shared-styles.ts';
import './view-tabs.ts';
import './work-card.ts';

/** What the room can be looked at as, in the order of the tabs. */
const VIEWS = ['demo', 'teach', 'mesh', 'network', 'frames', 'device'] as const;
export type RoomView = (typeof VIEWS)[number];

const NO_MODELS: readonly ServedModel[] = [];

/** What the room can be shown things by. */
export interface ShowPorts {
  readonly demo: DemoPort;
  readonly teach: TeachPort;
  readonly served: readonly ServedModel[];
}

/**
 * The whole page as a function of its state and the view that is chosen; it reads nothing else.
 * @fires create-room (from the view without a room)
 * @fires show-view with the view when another one is chosen
 * @fires change-settings, pause-device, resume-device, leave-room (from the controls of this device)
 * @fires preview-plan, apply-plan (from the network), take-trace (from the frames)
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
      main,
      .two {
        display: grid;
        gap: 1rem;
        grid-template-columns: minmax(0, 1fr);
        align-items: start;
      }
      pt-tabs {
        min-width: 0;
      }
      .column {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
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
        .two {
          grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
        }
      }
    `,
  ];

  @property({ attribute: false }) state: PeerState = initialPeerState;
  /** Which view of the room is shown; people choose another one by the tabs. */
  @property() view: RoomView = 'demo';
  /** Undefined until this device is in the room, and they are loaded. */
  @property({ attribute: false }) show: ShowPorts | undefined;
  /** Why they could not be loaded. */
  @property({ attribute: false }) showProblem: Problem | undefined;
  /** Addresses of pictures for the bundled network. */
  @property({ attribute: false }) samples: readonly string[] = [];

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
      ${this.content(state)}
    </div>`;
  }

  private content(state: PeerState) {
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
      case 'left':
        return html`<main>
          <section class="card stopped">
            <h2>${strings.left.title}</h2>
            <p role="status">${strings.left.explain(state.frames)}</p>
            <p><button @click=${() => location.reload()}>${strings.left.back}</button></p>
          </section>
        </main>`;
      case 'room':
        return this.roomView(state);
      default:
        return unreachable(state);
    }
  }

  private roomView(room: RoomState) {
    return html`<main>
      <pt-connection .room=${room}></pt-connection>
      <pt-tabs
        .tabs=${VIEWS.map((id) => ({ id, label: strings.views[id] }))}
        chosen=${this.view}
        label=${strings.views.label}
        @choose-view=${(event: CustomEvent<RoomView>) => this.choose(event.detail)}
        >${this.chosen(room)}</pt-tabs
      >
    </main>`;
  }

  private choose(view: RoomView): void {
    this.view = view;
    this.dispatchEvent(new CustomEvent('show-view', { detail: view }));
  }

  private chosen(room: RoomState) {
    switch (this.view) {
      case 'demo':
        return this.demo(room);
      case 'teach':
        return this.teach(room);
      case 'mesh':
        return html`<pt-mesh .room=${room}></pt-mesh>`;
      case 'network':
        return html`<pt-network .room=${room}></pt-network>`;
      case 'frames':
        return html`<pt-waterfall .room=${room}></pt-waterfall>`;
      case 'device':
        return html`<pt-device .room=${room}></pt-device>`;
      default:
        return unreachable(this.view);
    }
  }

  private teach(room: RoomState) {
    const { show, showProblem } = this;
    if (show) {
      const { trustUrl } = room.device;
      return html`<pt-teach
        .port=${show.teach}
        .served=${show.served}
        .trustUrl=${trustUrl}
        ready
      ></pt-teach>`;
    }
    return showProblem
      ? html`<pt-problem .problem=${showProblem}></pt-problem>`
      : html`<p class="muted" role="status">${strings.loadingView}</p>`;
  }

  private demo(room: RoomState) {
    const { show, showProblem } = this;
    return html`<div class="column">
      ${showProblem ? html`<pt-problem .problem=${showProblem}></pt-problem>` : nothing}
      <pt-demo
        .port=${show?.demo}
        .served=${show?.served ?? NO_MODELS}
        .samples=${this.samples}
        .trustUrl=${room.device.trustUrl}
        ?ready=${show !== undefined}
      ></pt-demo>
      <div class="two">
        <pt-work .room=${room}></pt-work>
        <div class="column">
          ${
            room.problems.length > 0
              ? html`<section class="card problems" aria-labelledby="problems">
                  <h2 id="problems">${strings.problems}</h2>
                  ${room.problems.map((problem) => html`<pt-problem .problem=${problem}></pt-problem>`)}
                </section>`
              : nothing
          }
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
      </div>
    </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-app': App;
  }
}
