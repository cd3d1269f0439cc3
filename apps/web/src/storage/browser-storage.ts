/** A browser's store of strings, where it has one; otherwise nothing is remembered. */
export interface BrowserStorage {
  /** `null` where nothing is stored. */
  read(key: string): string | null;
  /** `null` removes. */
  write(key: string, value: string | null): void;
}

function storageOf(find: () => Storage): BrowserStorage {
  return {
    read(key) {
      try {
        return find().getItem(key);
      } catch {
        // Switched off by the browser's settings.
        return null;
      }
    },
    write(key, value) {
      try {
        if (value === null) find().removeItem(key);
        else find().setItem(key, value);
      } catch {
        // Full, or switched off: the page works on, it only forgets.
      }
    },
  };
}

export const lastingStorage: BrowserStorage = storageOf(() => window.localStorage);
export const tabStorage: BrowserStorage = storageOf(() => window.sessionStorage);
