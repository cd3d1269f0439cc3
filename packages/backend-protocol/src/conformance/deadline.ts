/** Do the work, but wait no longer than the deadline. @throws where the deadline passes first */
export async function within(deadlineMs: number, work: () => Promise<void>): Promise<void> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`The test did not end within ${deadlineMs} ms.`)),
    deadlineMs,
  );
  try {
    await Promise.race([work(), expired]);
  } finally {
    clearTimeout(timer);
  }
}
