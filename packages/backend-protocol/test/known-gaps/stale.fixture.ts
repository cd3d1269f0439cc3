import { registerFixture } from "./register-fixture.ts";

registerFixture([{ reason: "it broke once", tests: ["fixture › holds"] }]);
