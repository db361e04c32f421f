import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { sharedStyles } from '../components/shared-styles.ts';
import { formatRate } from '../format.ts';
import { initialPeerState, phaseOf, type PeerState, type RoomState } from '../peer-state.ts';
import type { Problem } from '../problem.ts';
import { errorTexts, kioskStrings, strings } from '../strings.ts';
import { kioskPhase, kioskWork, type KioskPhase, type KioskState, type KioskWork } from './kiosk-state.ts';

const goodPhases: ReadonlySet<KioskPhase> = new Set(['alone', 'ready', 'working']);
const badPhases: ReadonlySet<KioskPhase> = new Set(['lost', 'failed', 'stopped', 'no-room']);

/**
 * The screen of a device that nobody touches: one sentence and two figures to be read across a room, the rest small. Dimmed, it is
 * dark ground and dim letters, and leaves the small print out.
 */
@customElement('pt-kiosk')
export class KioskView extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        /* So that the longest of all states still fits: nobody scrolls. */
        --kiosk-unit: min(1vw, 1.15vh);
        min-height: 100vh;
        min-height: 100dvh;
        background: var(--pt-page);
        color: var(--pt-text);
      }
      :host([dimmed]) {
        --pt-page: #000000;
        --pt-text: #777c84;
        --pt-muted: #777c84;
        --pt-line: #1c1f24;
        --pt-good: #4f7a5e;
        --pt-wait: #7d6c45;
        --pt-bad: #946467;
        cursor: none;
      }
      /* Large letters may be dimmer than small ones, and still be read. */
      :host([dimmed]) .figures dd {
        color: #5f646b;
      }
      .screen {
        display: grid;
        grid-template-rows: auto 1fr auto;
        gap: calc(3 * var(--kiosk-unit));
        min-height: inherit;
        padding: calc(4 * var(--kiosk-unit));
      }
      header {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        align-items: baseline;
        gap: 0 2rem;
      }
      h1,
      .line {
        font-size: max(1rem, calc(2.6 * var(--kiosk-unit)));
        line-height: 1.35;
      }
      h1 {
        font-weight: 500;
      }
      main {
        display: grid;
        align-content: center;
        gap: calc(3 * var(--kiosk-unit));
      }
      .headline {
        font-size: max(1.5rem, calc(7 * var(--kiosk-unit)));
        line-height: 1.15;
        font-weight: 650;
        letter-spacing: -0.01em;
        overflow-wrap: anywhere;
      }
      .figures {
        display: flex;
        flex-wrap: wrap;
        gap: calc(2 * var(--kiosk-unit)) calc(8 * var(--kiosk-unit));
      }
      .figures div {
        display: flex;
        flex-direction: column-reverse;
      }
      .figures dd {
        font-size: max(2.5rem, calc(14 * var(--kiosk-unit)));
        line-height: 1.05;
        font-weight: 650;
      }
      .problem {
        border-left: max(4px, calc(0.5 * var(--kiosk-unit))) solid var(--pt-bad);
        padding-left: calc(2 * var(--kiosk-unit));
      }
      dl.facts {
        border-top: 1px solid var(--pt-line);
        padding-top: calc(2 * var(--kiosk-unit));
        grid-template-columns: repeat(auto-fit, minmax(min(100%, max(9rem, 25 * var(--kiosk-unit))), 1fr));
      }
      .facts div {
        min-width: 0;
      }
      @media (max-height: 30rem) {
        .troubled {
          display: none;
        }
      }
      /* The smallest panels that are made for a Pi. */
      @media (max-height: 21rem), (max-width: 24rem) and (max-height: 32rem) {
        footer {
          display: none;
        }
      }
      dl.facts dt {
        font-size: max(0.875rem, calc(1.5 * var(--kiosk-unit)));
      }
      dl.facts dd {
        font-size: max(1rem, calc(2 * var(--kiosk-unit)));
        line-height: 1.35;
      }
    `,
  ];

  @property({ attribute: false }) state: KioskState = {
    peer: initialPeerState,
    framesPerSecond: undefined,
    problem: undefined,
    isDimmed: false,
  };

  protected override willUpdate(): void {
    this.toggleAttribute('dimmed', this.state.isDimmed);
  }

  override render() {
    const { peer, problem, isDimmed } = this.state;
    const phase = kioskPhase(peer);
    const room = peer.view === 'room' ? peer : undefined;
    const work = room && kioskWork(room);
    const tone = goodPhases.has(phase) ? 'good' : badPhases.has(phase) ? 'bad' : 'wait';
    return html`<div class="screen">
      <header>
        <h1 class="muted">${kioskStrings.title}</h1>
        <p class="line muted">
          ${peer.view === 'no-room' ? nothing : html`${kioskStrings.room} <strong>${peer.room}</strong>`}
        </p>
      </header>
      <main>
        <p class="headline ${tone}" role="status">${headlineOf(peer, work)}</p>
        ${work ? this.figures(work) : nothing} ${this.trouble(phase, problem)}
      </main>
      <footer class=${problem ? 'troubled' : ''}>
        ${room && !isDimmed ? this.facts(room, work) : nothing}
      </footer>
    </div>`;
  }

  private figures({ part }: KioskWork) {
    const { framesPerSecond } = this.state;
    return html`<dl class="figures number" aria-label=${kioskStrings.figures}>
      <div>
        <dt class="line muted">${kioskStrings.framesPerSecond}</dt>
        <dd>${framesPerSecond === undefined ? kioskStrings.noFrames : formatRate(framesPerSecond)}</dd>
      </div>
      ${
        part === undefined
          ? nothing
          : html`<div>
              <dt class="line muted">${kioskStrings.part}</dt>
              <dd>${Math.round(part * 100)} %</dd>
            </div>`
      }
    </dl>`;
  }

  private trouble(phase: KioskPhase, problem: Problem | undefined) {
    if (!problem) {
      return phase === 'no-room' ? html`<p class="line">${kioskStrings.noRoomTodo}</p>` : nothing;
    }
    const { what, todo } = errorTexts[problem.code];
    const next = phase === 'stopped' || phase === 'failed' ? kioskStrings.reloading : '';
    return html`<div class="problem">
      <p class="line"><strong>${what}</strong> ${todo} ${next}</p>
      <p class="small muted"><span class="mono">${problem.code}</span> ${problem.message}</p>
    </div>`;
  }

  private facts({ device, engine, members, frames, measuring, wakeLock }: RoomState, work?: KioskWork) {
    const engineText =
      engine.state === 'ready'
        ? `${engine.name}${measuring ? `, ${kioskStrings.measuring}` : ''}`
        : engine.state === 'choosing'
          ? strings.engineChoosing
          : strings.engineNone;
    const tiles = work?.tiles.map(({ firstOp, lastOp }) => strings.tileOps(firstOp, lastOp)).join(', ');
    const fact = (title: string, text: string) =>
      html`<div>
        <dt>${title}</dt>
        <dd class="number">${text}</dd>
      </div>`;
    return html`<dl class="facts">
      ${fact(strings.deviceName, device.name)} ${fact(kioskStrings.engine, engineText)}
      ${fact(kioskStrings.devices, kioskStrings.devicesHere(members.size))}
      ${fact(kioskStrings.tiles, tiles || kioskStrings.noWork)} ${fact(kioskStrings.frames, String(frames))}
      ${fact(kioskStrings.screen, strings.wakeLock[wakeLock])}
      ${
        device.missing.length > 0
          ? fact(kioskStrings.missing, kioskStrings.missingFeatures(device.missing))
          : nothing
      }
    </dl>`;
  }
}

function headlineOf(peer: PeerState, work: KioskWork | undefined): string {
  if (peer.view === 'no-room') return kioskStrings.noRoom;
  if (peer.view !== 'room') return strings.stopped;
  const phase = phaseOf(peer);
  return phase === 'working' && work
    ? `${strings.phase.working} ${work.models.join(', ')}`
    : strings.phase[phase];
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-kiosk': KioskView;
  }
}
