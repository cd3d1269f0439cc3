import { registerFixture } from "./register-fixture.ts";

registerFixture([
  { reason: "it breaks and hangs", tests: ["fixture › breaks", "fixture › hangs"] },
]);
