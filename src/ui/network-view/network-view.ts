import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { PeerId, SessionId } from '../../shared/ids.ts';
import { sharedStyles } from '../components/shared-styles.ts';
import { deviceName } from '../device-name.ts';
import { describeBox, formatBytes, formatCount, formatMs } from '../format.ts';
import type { RoomState, ShownNetwork } from '../peer-state.ts';
import { strings } from '../strings.ts';
import type { AskedSession } from './asked-state.ts';
import './network-strip.ts';
import { boxBytes, OpReader, type OpShare } from './op-details.ts';
import { peerClass, peerColours } from './peer-colours.ts';
import './plan-preview-card.ts';
import { peersInOrder, stripOf, type Strip } from './strip.ts';

/** The network that is being looked at, with all that is derived from it once per plan. */
interface Shown {
  readonly session: SessionId;
  readonly network: ShownNetwork;
  readonly strip: Strip;
  readonly reader: OpReader;
  readonly peers: readonly PeerId[];
}

/**
 * Who computes what: the network as a strip of ops, one op in detail, and what other plans would do.
 * @fires preview-plan, apply-plan (from the card of previews)
 */
@customElement('pt-network')
export class NetworkView extends LitElement {
  static override styles = [
    sharedStyles,
    peerColours,
    css`
      .stack {
        display: grid;
        gap: 1rem;
        grid-template-columns: minmax(0, 1fr);
      }
      select {
        max-width: 100%;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 0.25rem 1.25rem;
        margin: 0.5rem 0;
      }
      .details {
        min-height: 9rem;
      }
      .details > * + * {
        margin-top: 0.25rem;
      }
      .details li + li {
        margin-top: 0.375rem;
      }
      .swatch {
        display: inline-block;
        width: 0.875rem;
        height: 0.875rem;
        margin-right: 0.375rem;
        border-radius: 3px;
        vertical-align: -0.125rem;
      }
    `,
  ];

  @property({ attribute: false }) room: RoomState | undefined;
  @state() private wanted: SessionId | undefined;
  @state() private op = 0;
  private shown: Shown | undefined;

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('room') || changed.has('wanted')) this.derive();
  }

  /** A plan is looked through once, however often the room changes around it. */
  private derive(): void {
    const choices = this.choices();
    const found = choices.find(([session]) => session === this.wanted) ?? choices[0];
    if (!found) {
      this.shown = undefined;
      return;
    }
    const [session, network] = found;
    const before = this.shown;
    if (before?.network.plan === network.plan && before.network.graph === network.graph) return;
    const { graph, plan } = network;
    this.shown = {
      session,
      network,
      strip: stripOf(graph, plan),
      reader: new OpReader(network, this.isOwn(session) ? this.room!.self : undefined),
      peers: peersInOrder(plan),
    };
    // Another plan of the same network leaves the op where it is.
    if (before?.network.graph.name !== graph.name) this.op = widestOp(this.shown.strip);
  }

  /** Of this page first. */
  private choices(): (readonly [SessionId, ShownNetwork])[] {
    const { asked, networks } = this.room ?? {};
    const own = asked ? [[asked.session, asked] as const] : [];
    return [...own, ...[...(networks ?? [])].filter(([session]) => session !== asked?.session)];
  }

  private isOwn(session: SessionId): boolean {
    return this.room?.asked?.session === session;
  }

  override render() {
    const { room, shown } = this;
    if (!room) return nothing;
    if (!shown) {
      return html`<section class="card" aria-labelledby="title">
        <h2 id="title">${strings.network.title}</h2>
        <p class="muted">${strings.network.none}</p>
      </section>`;
    }
    const asked = this.isOwn(shown.session) ? room.asked : undefined;
    return html`<div class="stack">
      <section class="card" aria-labelledby="title">
        <h2 id="title">${strings.network.of(shown.network.graph.name)}</h2>
        ${this.picker(shown)} ${this.legend(shown)}
        <pt-network-strip
          .strip=${shown.strip}
          .peers=${shown.peers}
          .chosen=${this.op}
          label=${strings.network.summary(shown.strip.ops.length, shown.peers.length)}
          @choose-op=${(event: CustomEvent<number>) => (this.op = event.detail)}
        ></pt-network-strip>
        ${this.details(shown, asked)}
      </section>
      ${
        asked
          ? html`<pt-plan-preview .room=${room} .asked=${asked}></pt-plan-preview>`
          : html`<section class="card" aria-labelledby="preview">
              <h2 id="preview">${strings.preview.title}</h2>
              <p class="muted">${strings.preview.notOwn}</p>
            </section>`
      }
    </div>`;
  }

  private picker({ session }: Shown) {
    const choices = this.choices();
    if (choices.length < 2) return nothing;
    return html`<label
      ><span class="small muted">${strings.network.session}</span>
      <select
        @change=${(event: Event) => (this.wanted = (event.target as HTMLSelectElement).value as SessionId)}
      >
        ${choices.map(
          ([id, { graph }]) =>
            html`<option value=${id} ?selected=${id === session}>
              ${this.isOwn(id) ? strings.network.ownSession(graph.name) : strings.network.otherSession(graph.name)}
            </option>`,
        )}
      </select></label
    >`;
  }

  private legend({ peers }: Shown) {
    return html`<p class="legend small">
      ${peers.map(
        (peer, index) =>
          html`<span
            ><span class="swatch ${peerClass(index)}"></span>${index + 1}
            ${deviceName(peer, this.room!)}</span
          >`,
      )}
    </p>`;
  }

  private details({ strip, reader }: Shown, asked: AskedSession | undefined) {
    const { op, shares } = reader.read(strip, Math.min(this.op, strip.ops.length - 1), asked);
    return html`<div class="details" role="status" aria-live="polite">
      <h3>${strings.network.opName(op.index, strip.ops.length, op.id)}</h3>
      <p class="small muted number">
        ${strings.network.facts({
          kind: op.kind,
          shape: op.shape.join(' × '),
          macs: op.macs > 0 ? formatCount(op.macs) : undefined,
          percent: Math.round(op.part * 100),
        })}
      </p>
      <ul class="small number">
        ${shares.map((share) => this.share(share))}
      </ul>
    </div>`;
  }

  private share({ peer, box, isPartialSum, ops, weightBytes, sentBytes, expectedMs, measuredMs }: OpShare) {
    const parts = [
      strings.network.makes(describeBox(box), formatBytes(boxBytes(box))),
      ...(isPartialSum ? [strings.network.partialSum] : []),
      ...(sentBytes ? [strings.network.sends(formatBytes(sentBytes))] : []),
    ];
    const times = [
      ...(expectedMs === undefined ? [] : [strings.network.expected(formatMs(expectedMs))]),
      ...(measuredMs === undefined ? [] : [strings.network.measured(formatMs(measuredMs))]),
      ...(weightBytes > 0 ? [strings.network.weights(formatBytes(weightBytes))] : []),
    ];
    return html`<li>
      <strong>${deviceName(peer, this.room!)}</strong>: ${parts.join(', ')}.
      ${
        times.length > 0
          ? html`<span class="muted">${strings.network.tile(ops[0], ops[1])}: ${times.join(', ')}.</span>`
          : nothing
      }
    </li>`;
  }
}

const widestOp = ({ ops }: Strip): number =>
  ops.reduce((widest, op) => (op.width > ops[widest]!.width ? op.index : widest), 0);

declare global {
  interface HTMLElementTagNameMap {
    'pt-network': NetworkView;
  }
}
