/** Wait for work, and call `onSign` if the sign comes while it goes on; one that comes later is nothing new. */
export async function signAmid(
  work: Promise<void>,
  sign: Promise<void>,
  onSign: () => void,
): Promise<void> {
  let goesOn = true;
  void sign.then(() => {
    if (goesOn) onSign();
  });
  try {
    await work;
  } finally {
    goesOn = false;
  }
}
