import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { sharedStyles } from '../../components/shared-styles.ts';
import { formStyles } from '../../demo/components/form-styles.ts';
import '../../demo/components/live-figures.ts';
import '../../demo/components/live-status.ts';
import '../../demo/components/model-picker.ts';
import '../../demo/components/notice.ts';
import type { NoticeText } from '../../demo/components/notice.ts';
import '../../demo/components/prediction-bars.ts';
import type { Bar } from '../../demo/components/prediction-bars.ts';
import '../../demo/components/source-picker.ts';
import '../../demo/components/stage.ts';
import { teachStrings } from '../../strings.ts';
import type { ModelChoice } from '../../demo/model-choice.ts';
import type { SourceWish } from '../../demo/picture-source.ts';
import type { ServedModel } from '../../demo/served-models.ts';
import { saveFile } from '../save-file.ts';
import type { TeachPort } from '../teach-controller.ts';
import { mayAdd, mayRemove, type TaughtClass, type TeachProblem, type TeachState } from '../teach-state.ts';
import './class-card.ts';

/** Teaches the page one's own things. Knows the rest of the page only by its properties. */
@customElement('pt-teach')
export class TeachView extends LitElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      .card > * + * {
        margin-top: 0.75rem;
      }
      .both,
      .classes {
        display: grid;
        gap: 1rem;
        align-items: start;
      }
      .both {
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr));
      }
      .classes {
        gap: 0.75rem;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 13rem), 1fr));
      }
      .both > *,
      .classes > * {
        min-width: 0;
      }
      .stage > * + *,
      .answer > * + * {
        margin-top: 0.625rem;
      }
      .hint {
        min-height: 1.5em;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem 0.75rem;
      }
    `,
  ];

  @property({ attribute: false }) port: TeachPort | undefined;
  /** This device is in the room, and an engine computes. */
  @property({ type: Boolean }) ready = false;
  /** Of the room's own server. */
  @property({ attribute: false }) served: readonly ServedModel[] = [];
  /** Where the server can be trusted, if a page over plain http is shown. */
  @property({ attribute: false }) trustUrl: string | undefined;
  @state() private teach: TeachState | undefined;
  #unsubscribe: () => void = () => undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe();
    this.port?.release();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('port')) this.#follow();
  }

  override render() {
    const { teach } = this;
    if (!teach) return nothing;
    const { live } = teach;
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">${teachStrings.title}</h2>
      <p class="muted">${teachStrings.explain}</p>
      <div class="both">
        <div class="stage">
          <pt-stage
            .source=${live.source}
            ?mirrored=${live.isMirrored}
            .area=${teach.area}
            @files-dropped=${(event: CustomEvent<File[]>) => this.dropped(event.detail)}
          ></pt-stage>
          <pt-source-picker
            .live=${live}
            ?ready=${this.ready}
            @source-wished=${(event: CustomEvent<SourceWish | undefined>) =>
              this.port?.chooseSource(event.detail)}
            @mirror-wished=${(event: CustomEvent<boolean>) => this.port?.mirror(event.detail)}
          ></pt-source-picker>
          <pt-live-status
            .live=${live}
            ?ready=${this.ready}
            .trustUrl=${this.trustUrl}
            @retry-wished=${() => this.port?.retry()}
          ></pt-live-status>
        </div>
        <div class="answer">${this.answer(teach)}</div>
      </div>
      <pt-model-picker
        .live=${live}
        .served=${this.served}
        .withLabels=${false}
        @model-wished=${(event: CustomEvent<ModelChoice>) => this.port?.chooseModel(event.detail)}
      ></pt-model-picker>
      <p class="small muted">${teachStrings.changes}</p>
    </section>`;
  }

  private answer(teach: TeachState) {
    const { live, classes, shares, said } = teach;
    const bars = (shares ?? []).map((share, index): Bar => ({
      name: nameOf(classes[index]!, index),
      share,
      amount: teachStrings.sure(share),
    }));
    const spoken = classes.findIndex(({ id }) => id === said?.id);
    return html`<h3>${teachStrings.answer}</h3>
      <p class="visually-hidden" aria-live="polite">
        ${spoken < 0 ? '' : teachStrings.said(nameOf(classes[spoken]!, spoken))}
      </p>
      <pt-bars .bars=${bars} .rows=${classes.length}></pt-bars>
      <p class="hint small muted">
        ${live.rates ? (shares ? '' : teachStrings.needsTwo) : teachStrings.needsSource}
      </p>
      <h3>${teachStrings.classes}</h3>
      <div class="classes">${this.cards(teach)}</div>
      <p class="small muted">${teachStrings.keys}</p>
      ${teach.hasForgotten ? html`<p class="small wait" role="status">${teachStrings.forgotten}</p>` : nothing}
      ${teach.problem ? html`<pt-notice role="alert" .text=${noticeOf(teach.problem)}></pt-notice>` : nothing}
      ${this.files(teach)}
      <pt-live-figures .live=${live}></pt-live-figures>`;
  }

  private cards(teach: TeachState) {
    const isReady = teach.live.recent.length > 0 && teach.live.source.state === 'open';
    return repeat(
      teach.classes,
      ({ id }) => id,
      (taught, index) =>
        html`<pt-class-card
          .taught=${taught}
          .number=${index + 1}
          ?held=${teach.held === taught.id}
          ?ready=${isReady}
          ?removable=${mayRemove(teach)}
          @hold-started=${() => this.port?.press(taught.id)}
          @hold-ended=${() => this.port?.release()}
          @class-named=${(event: CustomEvent<string>) => this.port?.rename(taught.id, event.detail)}
          @class-removed=${() => this.port?.removeClass(taught.id)}
          @examples-forgotten=${() => this.port?.forgetExamples(taught.id)}
        ></pt-class-card>`,
    );
  }

  private files(teach: TeachState) {
    const isEmpty = teach.classes.every(({ examples }) => examples.length === 0);
    return html`<div class="row">
      <button class="quiet" aria-disabled=${!mayAdd(teach)} @click=${() => this.port?.addClass()}>
        ${teachStrings.add}
      </button>
      <button class="quiet" aria-disabled=${isEmpty} @click=${() => this.save()}>${teachStrings.save}</button>
      <label class="button">
        ${teachStrings.load}
        <input
          type="file"
          accept=".json,application/json"
          class="visually-hidden"
          @change=${(event: Event) => this.chosenFile(event)}
        />
      </label>
    </div>`;
  }

  private save(): void {
    const text = this.port?.save();
    if (text !== undefined) saveFile(teachStrings.fileName, text);
  }

  private chosenFile(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    // The same file may be chosen once more.
    input.value = '';
    if (file) this.port?.load(file);
  }

  /** A picture or a clip is shown; a file of examples is loaded. */
  private dropped(files: readonly File[]): void {
    const shown = files.find(({ type }) => /^(image|video)\//.test(type));
    if (shown && this.ready) this.port?.chooseSource({ kind: 'file', file: shown });
    else if (!shown && files[0]) this.port?.load(files[0]);
  }

  #follow(): void {
    this.#unsubscribe();
    this.#unsubscribe = this.port?.subscribe((teach) => (this.teach = teach)) ?? (() => undefined);
  }
}

const nameOf = ({ name }: TaughtClass, index: number): string => name || teachStrings.className(index + 1);

function noticeOf({ kind, problem }: TeachProblem): NoticeText {
  const text = kind === 'file' ? teachStrings.fileProblem : teachStrings.otherNetwork;
  return { ...text, detail: `${problem.code}: ${problem.message}` };
}

declare global {
  interface HTMLElementTagNameMap {
    'pt-teach': TeachView;
  }
}
