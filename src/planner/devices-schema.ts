import * as v from 'valibot';
import { byteSize } from '../shared/byte-size.ts';
import { PRESET_NAMES, type PresetName } from './device-presets.ts';
import { deviceProfileSchema } from './profile-schema.ts';
import type { DeviceProfile } from './profile.ts';

/** More devices than a simulation takes. */
export const MOST_DEVICES = 1000;

const notNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(80));

const rateMbit = v.pipe(
  positive,
  v.description('What its connection carries, Mbit/s, in each direction and over all links together.'),
);
const delayMs = v.pipe(
  notNegative,
  v.maxValue(60_000),
  v.description('What its connection adds to every message, one way. A link has the delay of both its ends.'),
);
const loss = v.pipe(
  v.number(),
  v.minValue(0),
  v.maxValue(0.5),
  v.description('Share of packets that get lost on its connection, 0 to 0.5; see docs/planning.md.'),
);
const SIZE = 'expected a size above 0, as "512MB" or 1.5e9';
const memory = v.pipe(
  v.union(
    [
      positive,
      v.pipe(
        v.string(),
        v.check((text) => byteSize(text) !== undefined, SIZE),
      ),
    ],
    SIZE,
  ),
  v.description('What it offers to plans: bytes, or a text as "512MB".'),
);
const watts = v.pipe(
  v.strictObject({ idle: notNegative, busy: positive }),
  v.description('For plans that are to take little energy.'),
);

const profile = v.pipe(
  deviceProfileSchema,
  v.description('What a device has measured of itself, as `plan --room <link> --json` prints it.'),
);

const preset = v.pipe(
  v.picklist(PRESET_NAMES, (issue) => `no preset ${issue.received}: there are ${PRESET_NAMES.join(', ')}`),
  v.description('A kind of device; the other fields change what it says.'),
);
const kind = {
  preset: v.exactOptional(preset),
  profile: v.exactOptional(profile),
  name: v.exactOptional(
    v.pipe(
      name,
      v.description('For people; devices of a group are numbered: "pi-1", "pi-2". The preset when absent.'),
    ),
  ),
  rateMbit: v.exactOptional(rateMbit),
  delayMs: v.exactOptional(delayMs),
  loss: v.exactOptional(loss),
};
interface Kind {
  readonly preset?: PresetName;
  readonly profile?: DeviceProfile;
}
const saysOneKind = ({ preset, profile }: Kind): boolean =>
  (preset === undefined) !== (profile === undefined);
const ONE_KIND = `give one of "preset" (${PRESET_NAMES.join(', ')}) and "profile"`;
const device = v.pipe(
  v.strictObject({
    ...kind,
    count: v.exactOptional(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(1),
        v.maxValue(MOST_DEVICES),
        v.description('1 when absent.'),
      ),
    ),
    memory: v.exactOptional(memory),
    speed: v.exactOptional(
      v.pipe(
        positive,
        v.description('How fast it is in comparison: 0.5 takes twice as long for the same. 1 when absent.'),
      ),
    ),
    watts: v.exactOptional(watts),
  }),
  v.check((entry) => saysOneKind(entry), ONE_KIND),
);
const link = v.strictObject({
  between: v.pipe(
    v.strictTuple([name, name]),
    v.description(
      'Names of two devices, or of groups: then it holds for each pair. "requester" is one, too.',
    ),
  ),
  rateMbit: v.exactOptional(v.pipe(positive, v.description('Of this link alone, Mbit/s in each direction.'))),
  delayMs: v.exactOptional(v.pipe(notNegative, v.maxValue(60_000), v.description('Of this link, one way.'))),
  loss: v.exactOptional(loss),
});

/** What a devices file looks like; `docs/devices.schema.json` is made from it. */
export const devicesFileSchema = v.pipe(
  v.strictObject({
    $schema: v.optional(v.string()),
    description: v.optional(v.pipe(v.string(), v.maxLength(2000))),
    requester: v.exactOptional(
      v.pipe(
        v.union(
          [
            name,
            v.pipe(
              v.strictObject(kind),
              v.check((entry) => saysOneKind(entry), ONE_KIND),
            ),
          ],
          'expected the name of a device, or a device as { "preset": "laptop" }',
        ),
        v.description(
          'Who has the input and wants the output: the name of one of the devices, which then computes too, or a device of its own that does not. When absent, one of its own like the first device.',
        ),
      ),
    ),
    devices: v.pipe(v.array(device), v.minLength(1), v.maxLength(MOST_DEVICES)),
    links: v.exactOptional(
      v.pipe(
        v.array(link),
        v.maxLength(10_000),
        v.description('Exceptions; later ones win. Every other link follows from the devices at its ends.'),
      ),
    ),
  }),
  v.title('Peerceptron devices'),
  v.description('Devices and links that `peerceptron plan` and `simulate` plan for.'),
);

export type DevicesFile = v.InferOutput<typeof devicesFileSchema>;
export type DeviceEntry = DevicesFile['devices'][number];
export type LinkEntry = NonNullable<DevicesFile['links']>[number];
