import { MemoryBudget, SandboxError } from "@carrel/backend-protocol";
import { expect, it } from "vitest";
import { describeError } from "../src/errors/describe-error.ts";
import { errorOf, startTestApp } from "./support/test-app.ts";

it("a limit that is reached: is named by the variable that the operator can set", async () => {
  await using app = await startTestApp({
    variables: { CARREL_MAX_SESSIONS: "3", CARREL_MAX_SESSIONS_PER_USER: "1" },
  });
  const open = (userId: string): Promise<Response> =>
    app.request(`/sessions?user_id=${userId}`, { method: "POST" }) as Promise<Response>;
  expect((await open("alice")).status).toBe(200);
  const ofUser = await errorOf(await open("alice"));
  expect(ofUser).toMatchObject({
    status: 429,
    code: "capacity",
    message:
      "This user has as many open sessions as one user may have (1). End a session that is no longer needed; the operator of the server can raise CARREL_MAX_SESSIONS_PER_USER.",
  });
  await open("bob");
  await open("carol");
  const { message } = await errorOf(await open("dave"));
  expect(message).toMatch(/ \(3\)\. Try again later; .* raise CARREL_MAX_SESSIONS\.$/);
});

it("a user's memory that is used up: is named by the variable that the operator can set", async () => {
  await using app = await startTestApp();
  const of = (budget: MemoryBudget): string | undefined => {
    let ended: SandboxError | undefined;
    budget.open((error) => (ended = error)).add(budget.limitBytes + 1);
    return describeError(ended)?.detail.message;
  };
  const { manager, shares } = app.services;
  expect(of(manager.memoryOfUser("alice"))).toMatch(/ can raise CARREL_MEMORY_PER_USER_MB\.$/);
  expect(of(shares.memory)).toMatch(/ can raise CARREL_MEMORY_MB\.$/);
});

it("an error with a setting that is no variable: stays as it is", () => {
  const message = "Too much; raise frobs.";
  const error = new SandboxError({ code: "capacity", message, setting: "frobs" });
  expect(describeError(error)?.detail.message).toBe(message);
});
