import { writeFileSync } from 'node:fs';

/**
 * A Vitest reporter that writes how every test ended to the file `MUTANTS_REPORT`, with the messages of an error and
 * of its causes: a property that failed for a random case says why only in its cause.
 */
export default class FailuresReporter {
  onTestRunEnd(modules, unhandled) {
    const files = modules.map((module) => ({
      file: module.moduleId.replaceAll('\\', '/'),
      errors: module.errors().flatMap(messagesOf),
      tests: [...module.children.allTests()].map((test) => ({
        title: test.fullName,
        state: test.result().state,
        errors: (test.result().errors ?? []).flatMap(messagesOf),
      })),
    }));
    const report = { files, unhandled: unhandled.flatMap(messagesOf) };
    writeFileSync(process.env.MUTANTS_REPORT, JSON.stringify(report, null, 1));
  }
}

function messagesOf(error) {
  const messages = [];
  for (let link = error; link && messages.length < 10; link = link.cause) {
    messages.push([link.name, link.code, link.message].filter(Boolean).join(': '));
  }
  return messages;
}
