import { registerFixture } from "./register-fixture.ts";

registerFixture([{ reason: "renamed since", tests: ["fixture › was here"] }]);
