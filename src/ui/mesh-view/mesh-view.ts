import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { PeerId } from '../../shared/ids.ts';
import { sharedStyles } from '../components/shared-styles.ts';
import { deviceName } from '../device-name.ts';
import type { RoomState } from '../peer-state.ts';
import { strings } from '../strings.ts';
import type { Happening } from './happenings.ts';
import { meshGraph, type MeshGraph, type MeshNode } from './mesh-graph.ts';
import { drawEdges, loadLevel, meshLayout, SIDE, type Place } from './mesh-layout.ts';
import './mesh-list.ts';

/** A gauge of load runs around the device; its radius beyond that of the device. */
const GAUGE = 4;
const LONGEST_NAME = 14;

/**
 * The devices of the room as a picture: who sends what to whom, how busy each is, who has come, gone, or been set aside. What it
 * shows stands beside it as a list.
 */
@customElement('pt-mesh')
export class MeshView extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      .views {
        display: grid;
        gap: 1rem;
        grid-template-columns: minmax(0, 1fr);
        align-items: start;
      }
      .picture {
        display: block;
        width: 100%;
        max-width: 34rem;
        margin: 0 auto;
        aspect-ratio: 1;
      }
      .device {
        transition: transform 0.4s ease;
      }
      .body {
        fill: var(--pt-surface);
        stroke: var(--pt-muted);
        stroke-width: 1.5;
      }
      .announced .body,
      .connecting .body,
      .reconnecting .body,
      .failed .body {
        stroke-dasharray: 4 3;
      }
      .failed .body,
      .aside .body {
        stroke: var(--pt-bad);
      }
      .self .body {
        fill: var(--pt-sunken);
        stroke: var(--pt-accent);
        stroke-width: 2.5;
      }
      .asks .body {
        stroke-dasharray: 1 3;
      }
      .departed {
        opacity: 0.45;
      }
      .chosen .body {
        stroke: var(--pt-accent);
        stroke-width: 3.5;
      }
      .gauge {
        fill: none;
        stroke-width: 5;
        transform: rotate(-90deg);
      }
      .low {
        stroke: var(--pt-load-low);
      }
      .middle {
        stroke: var(--pt-load-middle);
      }
      .high {
        stroke: var(--pt-load-high);
      }
      text {
        fill: var(--pt-text);
        text-anchor: middle;
        font-size: 14px;
        font-weight: 650;
      }
      .name {
        font-size: 12px;
        font-weight: 400;
      }
      .edge {
        fill: none;
        stroke: var(--pt-flow);
        stroke-linecap: round;
      }
      .idle {
        stroke: var(--pt-line);
      }
      .arrow {
        fill: var(--pt-flow-strong);
      }
      .arriving .body {
        animation: arrive 1.2s ease-out;
      }
      @keyframes arrive {
        from {
          stroke: var(--pt-good);
          stroke-width: 12;
        }
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 0.25rem 1.25rem;
        margin-top: 0.5rem;
      }
      .swatch {
        display: inline-block;
        width: 0.75rem;
        height: 0.75rem;
        margin-right: 0.375rem;
        border-radius: 50%;
        border: 3px solid;
        vertical-align: -0.0625rem;
      }
      .swatch.low {
        border-color: var(--pt-load-low);
      }
      .swatch.middle {
        border-color: var(--pt-load-middle);
      }
      .swatch.high {
        border-color: var(--pt-load-high);
      }
      .news {
        margin-top: 1rem;
      }
      .news ul {
        min-height: 7rem;
      }
      .news li + li {
        margin-top: 0.25rem;
      }
      @media (min-width: 52rem) {
        .views {
          grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
        }
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;
  @state() private chosen: PeerId | undefined;
  /** Who was there when the picture was first drawn: all others have arrived before people's eyes. */
  private first: ReadonlySet<PeerId> | undefined;

  override render() {
    if (!this.room) return nothing;
    const graph = meshGraph(this.room);
    this.first ??= new Set(graph.nodes.map(({ id }) => id));
    return html`<div class="views">
      <section class="card" aria-labelledby="title">
        <h2 id="title">${strings.mesh.title}</h2>
        ${this.picture(graph)}
        <p class="legend small muted">
          <span><span class="swatch low"></span>${strings.mesh.loads.low}</span>
          <span><span class="swatch middle"></span>${strings.mesh.loads.middle}</span>
          <span><span class="swatch high"></span>${strings.mesh.loads.high}</span>
          <span>${strings.mesh.thickness}</span>
        </p>
        <div class="news">
          <h3>${strings.mesh.news}</h3>
          <div role="log" aria-live="polite" aria-label=${strings.mesh.news}>
            <ul class="small">
              ${
                this.room.happenings.length === 0
                  ? html`<li class="muted">${strings.mesh.noNews}</li>`
                  : repeat(
                      this.room.happenings.slice(0, 6),
                      ({ number }) => number,
                      (happening) => html`<li>${this.told(happening)}</li>`,
                    )
              }
            </ul>
          </div>
        </div>
      </section>
      <section class="card" aria-labelledby="devices">
        <h2 id="devices">${strings.mesh.devices(graph.nodes.length)}</h2>
        <pt-mesh-list
          .graph=${graph}
          .chosen=${this.chosen}
          @choose-device=${(event: CustomEvent<PeerId | undefined>) => (this.chosen = event.detail)}
        ></pt-mesh-list>
      </section>
    </div>`;
  }

  private told({ kind, peer, name }: Happening): string {
    const known = this.room!.members.has(peer) || peer === this.room!.self;
    return strings.mesh.happening[kind](known ? deviceName(peer, this.room!) : name);
  }

  private picture(graph: MeshGraph) {
    const { radius, places, hasNames } = meshLayout(graph.nodes.length);
    const placeOf = new Map(graph.nodes.map(({ id }, index) => [id, places[index]!]));
    // Of many devices, lines without data would hide those with data.
    const shown = hasNames ? graph.edges : graph.edges.filter(({ bytesPerSecond }) => bytesPerSecond > 0);
    const edges = drawEdges(shown, placeOf, radius + GAUGE);
    return svg`<svg class="picture" viewBox="0 0 ${SIDE} ${SIDE}" role="img"
      aria-label=${strings.mesh.summary(graph.nodes.length, edges.filter(({ arrow }) => arrow).length)}>
      ${edges.map(
        ({
          path,
          width,
          arrow,
        }) => svg`<path class="edge ${arrow ? '' : 'idle'}" d=${path} stroke-width=${width}></path>
          ${arrow ? svg`<path class="arrow" d=${arrow}></path>` : nothing}`,
      )}
      ${repeat(
        graph.nodes,
        ({ id }) => id,
        (node) => this.device(node, placeOf.get(node.id)!, radius, hasNames),
      )}
    </svg>`;
  }

  private device(node: MeshNode, { x, y }: Place, radius: number, hasNames: boolean) {
    const { id, number, name, state, serves, isSetAside, presence } = node;
    const classes = [
      'device',
      state,
      serves ? '' : 'asks',
      isSetAside ? 'aside' : '',
      id === this.chosen ? 'chosen' : '',
      this.first?.has(id) ? '' : 'arriving',
    ];
    const circle = 2 * Math.PI * (radius + GAUGE);
    const load = presence?.load ?? 0;
    return svg`<g class=${classes.filter(Boolean).join(' ')} transform="translate(${x} ${y})"
      @click=${() => (this.chosen = id === this.chosen ? undefined : id)}>
      <circle class="body" r=${radius}></circle>
      ${
        load > 0
          ? svg`<circle class="gauge ${loadLevel(load)}" r=${radius + GAUGE}
              stroke-dasharray="${load * circle} ${circle}"></circle>`
          : nothing
      }
      <text dy="5">${number}</text>
      ${hasNames ? svg`<text class="name" y=${radius + 18}>${shortened(name)}</text>` : nothing}
      <title>${name}</title>
    </g>`;
  }
}

const shortened = (name: string): string =>
  name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;

declare global {
  interface HTMLElementTagNameMap {
    'pt-mesh': MeshView;
  }
}
