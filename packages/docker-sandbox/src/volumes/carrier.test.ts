import { describe, expect, it } from "vitest";
import { connectEngine } from "../engine/engine.ts";
import { sendJson, startFakeEngine } from "../testing/fake-engine.ts";
import { removeAbandonedCarriers } from "./carrier.ts";

describe("Carriers", () => {
  it("that a killed process left are removed, and those of others are not", async () => {
    const now = Math.floor(Date.now() / 1000);
    await using fake = await startFakeEngine({
      "/containers/json": [
        { Id: "old", Created: now - 600 },
        { Id: "young", Created: now },
      ],
      "/containers/old": (_request, response) => sendJson(response, 200, {}),
    });
    await using engine = await connectEngine({ host: fake.host });
    await removeAbandonedCarriers(engine);
    const removed = fake.requests.filter((request) => request.startsWith("DELETE"));
    expect(removed).toEqual([expect.stringMatching(/\/containers\/old\?/)]);
    const listing = decodeURIComponent(fake.requests.find((request) => /json/.test(request)) ?? "");
    expect(listing).toContain("carrel.carrier");
    expect(listing).toContain('"status":["created","exited"]');
  });
});
