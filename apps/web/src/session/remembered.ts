import { lastingStorage, tabStorage } from "../storage/browser-storage.ts";

const USER_KEY = "carrel.user";
/** Longest user name, in UTF-16 code units; the server takes up to 256. */
export const MAX_USER_LENGTH = 64;

export function rememberedUser(): string | null {
  return lastingStorage.read(USER_KEY);
}

/** `null` forgets who it was; what belongs to that name stays for when it is used again. */
export function rememberUser(user: string | null): void {
  const previous = rememberedUser();
  if (user === null && previous !== null) tabStorage.write(draftKey(previous), null);
  lastingStorage.write(USER_KEY, user);
}

export function rememberedSession(user: string): string | null {
  return lastingStorage.read(sessionKey(user));
}

export function rememberSession(user: string, sessionId: string): void {
  lastingStorage.write(sessionKey(user), sessionId);
}

export function forgetSession(user: string): void {
  lastingStorage.write(sessionKey(user), null);
}

/** Where this tab keeps what the user is writing. */
export function draftKey(user: string): string {
  return `carrel.draft.${user}`;
}

function sessionKey(user: string): string {
  return `carrel.session.${user}`;
}
