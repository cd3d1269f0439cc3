import type { WireStartProgress } from "@carrel/server";
import { useCallback, useEffect, useState } from "react";
import type { ApiError } from "../api/api-error.ts";
import { toApiError } from "../api/api-error.ts";
import { createSession, endSession, findSession } from "../api/sessions.ts";
import type { OpeningOptions } from "../api/sessions.ts";
import {
  forgetSession,
  rememberedSession,
  rememberedUser,
  rememberSession,
  rememberUser,
} from "./remembered.ts";

type SessionState =
  | { phase: "signed-out" }
  | OpeningState
  | { phase: "failed"; user: string; error: ApiError }
  | ({ phase: "open"; user: string } & OpenedSession);

interface OpeningState {
  phase: "opening";
  user: string;
  /** How far the start of the sandbox has come; `null` until the server tells. */
  progress: WireStartProgress | null;
}

interface OpenedSession {
  sessionId: string;
  /** It stands in for one that this browser knew and the server does not know any more. */
  replacesLost: boolean;
}

export interface SessionControl {
  state: SessionState;
  /** Go on with the session of this user name, or begin one. */
  enter: (user: string) => void;
  /** Begin a session in place of one that is over. */
  renew: () => void;
  /** End the open session and begin a new one. Rejects with `ApiError` where the server did not end it. */
  restart: () => Promise<void>;
  leave: () => void;
}

export function useSession(): SessionControl {
  const [state, setState] = useState<SessionState>(() => {
    const user = rememberedUser();
    return user === null ? { phase: "signed-out" } : opening(user);
  });

  const openingUser = state.phase === "opening" ? state.user : null;
  useEffect(() => {
    if (openingUser === null) return;
    const abort = new AbortController();
    const { signal } = abort;
    const onProgress = (progress: WireStartProgress) => {
      if (!signal.aborted) setState({ ...opening(openingUser), progress });
    };
    const open = async () => {
      try {
        const opened = await findOrCreate(openingUser, { signal, onProgress });
        if (!signal.aborted) setState({ phase: "open", user: openingUser, ...opened });
      } catch (error) {
        if (signal.aborted) return;
        setState({ phase: "failed", user: openingUser, error: toApiError(error) });
      }
    };
    // In the development mode of React an effect runs twice: the first run ends before it asks.
    const timer = setTimeout(() => void open());
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [openingUser]);

  const enter = useCallback((user: string) => {
    rememberUser(user);
    setState(opening(user));
  }, []);
  const user = state.phase === "signed-out" ? null : state.user;
  const renew = useCallback(() => {
    if (user === null) return;
    forgetSession(user);
    setState(opening(user));
  }, [user]);
  const sessionId = state.phase === "open" ? state.sessionId : null;
  const restart = useCallback(async () => {
    if (sessionId === null) return;
    await endSession(sessionId);
    renew();
  }, [sessionId, renew]);
  const leave = useCallback(() => {
    rememberUser(null);
    setState({ phase: "signed-out" });
  }, []);
  return { state, enter, renew, restart, leave };
}

function opening(user: string): OpeningState {
  return { phase: "opening", user, progress: null };
}

async function findOrCreate(user: string, options: OpeningOptions): Promise<OpenedSession> {
  const remembered = rememberedSession(user);
  let replacesLost = false;
  if (remembered !== null) {
    const session = await findSession(remembered, options.signal);
    if (session?.user_id === user) return { sessionId: remembered, replacesLost };
    replacesLost = session === null;
  }
  const sessionId = await createSession(user, options);
  // Also where this page was left at the last moment: the session exists, and is the user's next one.
  rememberSession(user, sessionId);
  return { sessionId, replacesLost };
}
