import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Presence } from '../../runtime/presence.ts';
import { shortId, type PeerId } from '../../shared/ids.ts';
import { sharedStyles } from '../components/shared-styles.ts';
import { formatBytes, formatCount, formatRate } from '../format.ts';
import { errorTexts, strings } from '../strings.ts';
import type { MeshGraph, MeshNode } from './mesh-graph.ts';

const tone: Record<MeshNode['state'], string> = {
  self: 'good',
  announced: 'muted',
  connecting: 'wait',
  connected: 'good',
  reconnecting: 'wait',
  failed: 'bad',
  departed: 'muted',
};

/**
 * The devices of a room, one by one, with all that is known of them.
 * @fires choose-device with the id of the device that is looked at, or nothing
 */
@customElement('pt-mesh-list')
export class MeshList extends LitElement {
  static override styles = [
    sharedStyles,
    css`
      li {
        display: grid;
        grid-template-columns: 2rem minmax(0, 1fr);
        padding: 0.625rem 0.25rem;
        border-top: 1px solid var(--pt-line);
      }
      li:first-child {
        border-top: none;
        padding-top: 0;
      }
      li.chosen {
        background: var(--pt-sunken);
        border-radius: 8px;
      }
      .count {
        color: var(--pt-muted);
        font-weight: 650;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        column-gap: 1rem;
      }
      .name {
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) graph: MeshGraph | undefined;
  @property({ attribute: false }) chosen: PeerId | undefined;

  override render() {
    const { nodes, edges } = this.graph ?? { nodes: [], edges: [] };
    const nameOf = new Map(nodes.map(({ id, name }) => [id, name]));
    const others = nodes.filter(({ state }) => state !== 'self');
    return html`<ul>
        ${repeat(
          nodes,
          ({ id }) => id,
          (node) =>
            this.device(node, {
              sends: edges
                .filter(({ from, bytesPerSecond }) => from === node.id && bytesPerSecond > 0)
                .map(({ to, bytesPerSecond }) =>
                  strings.mesh.sends(`${formatBytes(bytesPerSecond)}/s`, nameOf.get(to) ?? shortId(to)),
                ),
            }),
        )}
      </ul>
      ${others.length === 0 ? html`<p class="muted">${strings.noMembers}</p>` : nothing}`;
  }

  private device(node: MeshNode, { sends }: { readonly sends: readonly string[] }) {
    const { id, number, name, state, serves, isSetAside, presence } = node;
    const status = state === 'connected' && !serves ? strings.mesh.states.idle : strings.mesh.states[state];
    return html`<li
      class=${id === this.chosen ? 'chosen' : ''}
      @pointerenter=${() => this.look(id)}
      @pointerleave=${() => this.look(undefined)}
    >
      <span class="count number">${number}</span>
      <div>
        <p class="row">
          <span class="name"
            >${name} <span class="mono muted">${name.endsWith(shortId(id)) ? '' : shortId(id)}</span></span
          >
          <span class="small ${isSetAside ? 'bad' : tone[state]}"
            >${isSetAside ? strings.mesh.setAside : status}</span
          >
        </p>
        ${this.facts(node)} ${presence ? this.doing(presence, sends) : nothing} ${this.failure(node)}
      </div>
    </li>`;
  }

  private facts({ engine, memoryBytes, route, serves, state, presence }: MeshNode) {
    const { macsPerSecond, battery, share } = presence ?? {};
    const facts = [
      engine,
      macsPerSecond === undefined ? undefined : strings.mesh.speed(formatCount(macsPerSecond)),
      memoryBytes === undefined ? undefined : strings.mesh.memory(formatBytes(memoryBytes)),
      share === undefined || share === 1 ? undefined : strings.mesh.share(Math.round(share * 100)),
      battery && strings.mesh.battery(Math.round(battery.level * 100), battery.charging),
      route && strings.mesh.route[route],
      engine === undefined && !serves && state === 'connected' ? strings.asks : undefined,
    ];
    const text = facts.filter(Boolean).join(', ');
    return text === '' ? nothing : html`<p class="muted small number">${text}</p>`;
  }

  private doing({ load, framesPerSecond, work }: Presence, sends: readonly string[]) {
    const parts = [
      strings.mesh.busy(Math.round(load * 100)),
      ...(framesPerSecond > 0 ? [strings.mesh.rate(formatRate(framesPerSecond))] : []),
      ...work.map(({ model, ops, part }) => strings.mesh.work(model, ops, Math.round(part * 100))),
      ...sends,
    ];
    return html`<p class="small number">${parts.join(' · ')}</p>`;
  }

  private failure({ problem }: MeshNode) {
    if (!problem) return nothing;
    const { what, todo } = errorTexts[problem.code];
    return html`<p class="small">${what} ${todo}</p>
      <p class="small muted"><span class="mono">${problem.code}</span> ${problem.message}</p>`;
  }

  private look(detail: PeerId | undefined): void {
    this.dispatchEvent(new CustomEvent('choose-device', { detail }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-mesh-list': MeshList;
  }
}
