import { httpBytes } from '../../weights/http-source.ts';
import { PlanWorker } from '../plan-worker-client.ts';
import { RoomSurvey, type RoomSurveyOptions } from '../room-survey.ts';
import { browserSources } from './browser-sources.ts';
import type { LiveOptions } from './live-controller.ts';
import { roomRunner, type RoomRunnerOptions } from './mesh-runner.ts';
import { openModel } from './open-model.ts';

export interface PagePortsOptions
  extends Omit<RoomRunnerOptions, 'survey' | 'search'>, Pick<RoomSurveyOptions, 'transport'> {
  /** The bundled model is beside the page. */
  readonly pageUrl: string;
}

/** What controllers of a demo and of teaching take, as a page in a room has it. */
export function pagePorts(
  options: PagePortsOptions,
): Pick<LiveOptions, 'runner' | 'sources' | 'openModel' | 'clock'> {
  const { pageUrl, clock } = options;
  const doors = {
    pageUrl,
    open: httpBytes,
    // Megabytes of library, for those who have such files.
    openH5: async (file: File) =>
      (await import('../../weights/h5-file-browser.ts')).openH5Blob(file, file.name),
  };
  return {
    clock,
    runner: roomRunner({ ...options, survey: new RoomSurvey(options), search: new PlanWorker().search }),
    sources: browserSources(),
    openModel: (choice, signal) => openModel(choice, doors, signal),
  };
}
