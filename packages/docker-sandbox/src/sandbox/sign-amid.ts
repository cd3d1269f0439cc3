/** Wait for work, and call `onSign` if the sign comes while it goes on; one that comes later is nothing new. */
export async function signAmid<T>(
  work: Promise<T>,
  sign: Promise<void>,
  onSign: () => void,
): Promise<T> {
  let goesOn = true;
  void sign.then(() => {
    if (goesOn) onSign();
  });
  try {
    return await work;
  } finally {
    goesOn = false;
  }
}
