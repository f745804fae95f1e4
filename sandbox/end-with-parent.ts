/** Loaded before a Node child of the stack: when the process that started it is gone, it stops too. */
const gracePeriodMs = 15_000;

process.once('disconnect', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(1), gracePeriodMs).unref();
});
// Listening would keep a command that is done from ending.
process.channel?.unref();

export {};
