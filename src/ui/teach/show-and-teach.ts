import '../demo/components/demo-view.ts';
import { DemoController, type DemoControllerOptions } from '../demo/demo-controller.ts';
import { oneByOne } from '../demo/mesh-runner.ts';
import './components/teach-view.ts';
import { TeachController } from './teach-controller.ts';

export interface ShowAndTeach {
  readonly demo: DemoController;
  readonly teach: TeachController;
  /** The page is left: cameras and sessions are given up. */
  close(): Promise<void>;
}

type Part = DemoController | TeachController;

/**
 * Both parts of a page that show something to the room, with their components. One at a time: where something is shown to
 * one, the other gives up what it has, for a camera and the memory of devices are there once.
 */
export function showAndTeach(options: Omit<DemoControllerOptions, 'choice'>): ShowAndTeach {
  const shared = { ...options, runner: oneByOne(options.runner) };
  const demo = new DemoController(shared);
  const teach = new TeachController(shared);
  const stops = [follow(demo, teach), follow(teach, demo)];
  return {
    demo,
    teach,
    close: async () => {
      for (const stop of stops) stop();
      await Promise.all([demo.close(), teach.close()]);
    },
  };
}

const isShown = ({ state }: Part): boolean => state.live.source.state !== 'none';

function follow(part: Part, other: Part): () => void {
  let was = isShown(part);
  return part.subscribe(() => {
    const is = isShown(part);
    if (is && !was) other.giveUp();
    was = is;
  });
}
