import { SandboxError } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import { describeError } from "./describe-error.ts";

test.each([
  ["nothing: no such file or directory", "nothing: no such file or directory. List"],
  ["There is nothing.", "There is nothing. List"],
  ['There is no file "a"', 'There is no file "a". List'],
  ['It said "no."', 'It said "no." List'],
])("an error that reads %j ends as a sentence before the advice", (message, beginning) => {
  const text = describeError(new SandboxError({ code: "not-found", message }));
  expect(text.startsWith(`${beginning} the directory`)).toBe(true);
});
