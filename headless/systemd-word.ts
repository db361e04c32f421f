/** One word of a command line of a unit (systemd.service(5), "Command lines"), which has its own meaning for quotes, `%` and `$`. */
export function systemdWord(word: string): string {
  const escaped = word.replaceAll(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./-]+$/.test(word) ? escaped : `"${escaped}"`;
}
