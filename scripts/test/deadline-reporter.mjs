/**
 * A Vitest reporter that ends the run at the time `TEST_DEADLINE` (milliseconds since 1970): tests that run are finished, others are not begun. That is
 * no failure.
 */
export default class DeadlineReporter {
  #isOver = false;

  onInit(vitest) {
    const deadline = Number(process.env.TEST_DEADLINE);
    if (!(deadline > 0)) return;
    const end = () => {
      this.#isOver = true;
      void vitest.cancelCurrentRun('keyboard-input');
    };
    setTimeout(end, deadline - Date.now()).unref();
  }

  onTestRunEnd(modules, _unhandled, reason) {
    // Vitest has said 1 by then, as for every run that is interrupted; errors outside of tests will say so again.
    if (this.#isOver && reason === 'interrupted' && modules.every((module) => module.ok()))
      process.exitCode = 0;
  }
}
