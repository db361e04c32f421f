/**
 * The words and the environment with which systemd starts a unit's program, for a service whose credentials lie in `credentials`. Of the
 * syntax only what `serviceUnit` writes.
 */
export function commandOf(
  unit: string,
  credentials: string,
): { readonly command: readonly string[]; readonly environment: Readonly<Record<string, string>> } {
  const [, start] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
  const words = [...(start ?? '').matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, inQuotes, plain]) =>
    (inQuotes ?? plain ?? '').replaceAll(/\\(.)/g, '$1').replaceAll('%%', '%'),
  );
  const environment = Object.fromEntries(
    [...unit.matchAll(/^Environment=([^=]+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]),
  );
  return {
    command: words.map((word) =>
      word.replaceAll('${CREDENTIALS_DIRECTORY}', credentials).replaceAll('$$', '$'),
    ),
    environment: { ...environment, CREDENTIALS_DIRECTORY: credentials },
  };
}
