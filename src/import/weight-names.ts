import { formatShape, shapeSize, type Shape } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { sameShape } from '../graph/graph-builder.ts';

export interface FileTensor {
  readonly name: string;
  readonly shape: Shape;
}

/** A weight of the graph: a tensor of the file, read in `shape`. */
export interface WeightView {
  readonly tensor: string;
  readonly shape: Shape;
}

/** What a layer asks for. */
export interface WeightRequest {
  /** Names of the models around the layer, outermost first. */
  readonly path: readonly string[];
  readonly layer: string;
  /** Keras' name of the weight: `kernel`, `moving_mean`. */
  readonly weight: string;
  /** Its place among the layer's weights: some files name weights by number. */
  readonly index: number;
  /** In the file. */
  readonly shape: Shape;
  /** As the op wants it. */
  readonly view: Shape;
}

/**
 * Finds the tensors of a file for the weights of layers. Files name the same weight `conv/kernel`, `outer/conv/kernel`,
 * `conv/cell/kernel`, `conv/kernel_1` or `conv/0`, depending on what wrote them and when.
 */
export class WeightNames {
  readonly #files: readonly FileTensor[] | undefined;
  readonly #byName: ReadonlyMap<string, FileTensor>;
  /** `a/b/kernel` under `a/kernel`: TensorFlow 2.2 put a scope in between. */
  readonly #byShortName = new Map<string, FileTensor[]>();
  readonly #taken = new Map<string, string>();
  readonly #found = new Map<string, FileTensor>();
  readonly views = new Map<string, WeightView>();

  /** `undefined`: a topology without weights; then every weight gets the name that the layer gives it. */
  constructor(files: readonly FileTensor[] | undefined) {
    this.#files = files;
    this.#byName = new Map((files ?? []).map((tensor) => [tensor.name, tensor]));
    for (const tensor of files ?? []) {
      const parts = tensor.name.split('/');
      if (parts.length < 3) continue;
      const short = [...parts.slice(0, -2), parts.at(-1)].join('/');
      this.#byShortName.set(short, [...(this.#byShortName.get(short) ?? []), tensor]);
    }
  }

  /**
   * The graph's name for the weight. Throws `WEIGHTS_MISSING` when the file has nothing that could be it, and
   * `WEIGHTS_CORRUPT` when what it has is of another size.
   */
  take(request: WeightRequest): string {
    const key = [...request.path, request.layer, request.weight].join('/');
    const file = this.#found.get(key) ?? this.#find(request, key);
    this.#found.set(key, file);
    this.#taken.set(file.name, key);
    if (shapeSize(file.shape) !== shapeSize(request.view)) {
      throw new PeerceptronError(
        'WEIGHTS_CORRUPT',
        `weight tensor '${file.name}' has shape ${formatShape(file.shape)}, layer '${request.layer}' needs ${formatShape(request.shape)}: topology and weights are of different models, or the input shape is not the model's own`,
        { details: { tensor: file.name } },
      );
    }
    let name = file.name;
    const known = this.views.get(name);
    // One layer applied to inputs of several shapes reads its kernel in several shapes.
    if (known && !sameShape(known.shape, request.view)) name = `${name}:${request.view.join('x')}`;
    this.views.set(name, { tensor: file.name, shape: request.view });
    return name;
  }

  #find(request: WeightRequest, key: string): FileTensor {
    if (!this.#files) return { name: key, shape: request.shape };
    const { path, layer, weight, index, shape } = request;
    const scopes = path.map((_, depth) => [...path.slice(depth), layer].join('/'));
    // With the models around it first: inside them another layer of the same name may be meant by the bare one.
    const places = [...scopes, layer];
    // An exact name wins even when the shape is wrong: the error then says what is wrong with it.
    for (const place of places) {
      const file = this.#byName.get(`${place}/${weight}`);
      if (file && this.#free(file, key)) return file;
    }
    const fits = (file: FileTensor): boolean => sameShape(file.shape, shape) && this.#free(file, key);
    const candidates: (() => readonly FileTensor[])[] = [
      () => places.flatMap((place) => this.#byShortName.get(`${place}/${weight}`) ?? []),
      () => places.flatMap((place) => this.#byName.get(`${place}/${index}`) ?? []),
      () => this.#matching(places, (last) => last === `${weight}:0` || isNumbered(last, weight)),
      () => this.#matching(undefined, (last) => last === weight || isNumbered(last, weight)),
    ];
    for (const [stage, find] of candidates.entries()) {
      const matches = find().filter(fits);
      // Without the layer's name in it only the one tensor of that role and shape can be meant.
      if (matches.length === 1 || (matches.length > 1 && stage < candidates.length - 1)) return matches[0]!;
    }
    throw new PeerceptronError(
      'WEIGHTS_MISSING',
      `the file has no tensor '${places.at(-1)}/${weight}' of shape ${formatShape(shape)} for layer '${layer}': the weights file is not complete, or belongs to another model`,
      { details: { tensor: `${layer}/${weight}` } },
    );
  }

  #matching(
    places: readonly string[] | undefined,
    isWeight: (lastPart: string) => boolean,
  ): readonly FileTensor[] {
    return this.#files!.filter(({ name }) => {
      const cut = name.lastIndexOf('/');
      if (!isWeight(name.slice(cut + 1))) return false;
      return places === undefined || places.includes(name.slice(0, Math.max(0, cut)));
    });
  }

  #free(file: FileTensor, key: string): boolean {
    const owner = this.#taken.get(file.name);
    return owner === undefined || owner === key;
  }
}

/** `kernel_1` for `kernel`. */
function isNumbered(text: string, base: string): boolean {
  return text.startsWith(`${base}_`) && /^\d+$/.test(text.slice(base.length + 1));
}
