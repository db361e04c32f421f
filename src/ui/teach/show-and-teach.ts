import '../demo/components/demo-view.ts';
import { DemoController, type DemoControllerOptions } from '../demo/demo-controller.ts';
import './components/teach-view.ts';
import { TeachController } from './teach-controller.ts';

export interface ShowAndTeach {
  readonly demo: DemoController;
  readonly teach: TeachController;
  /** The page is left: cameras and sessions are given up. */
  close(): Promise<void>;
}

/**
 * Both parts of a page that show something to the room, with their components. One at a time: what is shown to one is
 * taken away from the other, for a camera and the memory of devices are there once.
 */
export function showAndTeach(options: Omit<DemoControllerOptions, 'choice'>): ShowAndTeach {
  const demo = new DemoController(options);
  const teach = new TeachController(options);
  const takesFrom = (
    one: DemoController | TeachController,
    other: DemoController | TeachController,
  ): (() => void) => {
    let wasShown = false;
    const look = (): void => {
      const isShown = one.state.live.source.state !== 'none';
      if (isShown && !wasShown && other.state.live.source.state !== 'none') other.chooseSource(undefined);
      wasShown = isShown;
    };
    return one.subscribe(look);
  };
  const stops = [takesFrom(demo, teach), takesFrom(teach, demo)];
  return {
    demo,
    teach,
    close: async () => {
      for (const stop of stops) stop();
      await Promise.all([demo.close(), teach.close()]);
    },
  };
}
