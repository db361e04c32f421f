import { join } from 'node:path';
import ts from 'typescript';

/** Declared but never read: a defect may well leave something unused. */
const unused = new Set([6133, 6138, 6192, 6196, 6198, 6205]);

/**
 * A function that type-checks one changed file of the project and returns the first complaint. Tests need not find
 * what no compiler would let pass.
 *
 * @param {string} root
 * @returns {(file: string, changed: string) => string | undefined}
 */
export function typeChecker(root) {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  let current = { name: '', text: '', version: 0 };
  const service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    getScriptFileNames: () => [current.name],
    getScriptVersion: (name) => (name === current.name ? `changed ${current.version}` : 'as it is'),
    getScriptSnapshot: (name) => {
      const text = name === current.name ? current.text : ts.sys.readFile(name);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  });
  return (file, changed) => {
    const name = join(root, file).replaceAll('\\', '/');
    current = { name, text: changed, version: current.version + 1 };
    const complaint = [
      ...service.getSyntacticDiagnostics(name),
      ...service.getSemanticDiagnostics(name),
    ].find(({ code }) => !unused.has(code));
    return complaint && ts.flattenDiagnosticMessageText(complaint.messageText, ' ');
  };
}
