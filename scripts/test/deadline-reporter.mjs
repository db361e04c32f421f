/** A Vitest reporter that ends the run at the time `TEST_DEADLINE` (milliseconds since 1970): tests that run are finished, others are not begun. */
export default class DeadlineReporter {
  onInit(vitest) {
    const deadline = Number(process.env.TEST_DEADLINE);
    if (deadline > 0)
      setTimeout(() => void vitest.cancelCurrentRun('keyboard-input'), deadline - Date.now()).unref();
  }
}
