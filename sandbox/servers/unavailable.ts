/**
 * Something outside the program stands in the way: a busy port, no network, a full disk. The message is one line that
 * says what, and what to do about it; a command prints that line alone, without a stack.
 */
export class ServerUnavailable extends Error {
  override name = 'ServerUnavailable';
}
