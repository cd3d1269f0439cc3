import { registerFixture } from "./register-fixture.ts";

registerFixture([{ reason: "it has none", tests: ["fixture › lacks"] }]);
