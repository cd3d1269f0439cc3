import { expect, test } from "vitest";
import { errorFromBody } from "./request.ts";

test("the server's error keeps its code and message", () => {
  const error = errorFromBody(409, '{"error":{"code":"busy","message":"A turn is running."}}');
  expect(error).toMatchObject({ code: "busy", message: "A turn is running.", status: 409 });
});

test.each(["Bad Gateway", "", "{}", '{"error":"no"}', "null", "[1]"])(
  "a 502 with the body %j did not come from the server",
  (body) => {
    expect(errorFromBody(502, body).isNetwork).toBe(true);
  },
);

test("a refusal without an explanation is not taken for a lost connection", () => {
  const error = errorFromBody(400, "<h1>no</h1>");
  expect(error).toMatchObject({ code: "internal", status: 400, isNetwork: false });
  expect(error.message).not.toContain("<h1>");
});
