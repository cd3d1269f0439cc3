import { registerFixture } from "./register-fixture.ts";

registerFixture([]);
