import { expect, it } from "vitest";
import { callName } from "./call-name.ts";

it.each([
  ["GET", "/version", "version"],
  ["GET", "/v1.41/info", "info"],
  ["HEAD", "/_ping", "ping"],
  ["POST", "/v1.41/containers/create?name=x", "create"],
  ["GET", "/v1.41/containers/json?all=1", "list"],
  ["GET", "/v1.41/containers/carrel-1/json", "inspect"],
  ["POST", "/v1.41/containers/0af/start", "start"],
  ["POST", "/v1.41/containers/0af/rename?name=y", "rename"],
  ["POST", "/v1.41/containers/0af/exec", "exec-create"],
  ["DELETE", "/v1.41/containers/0af?force=1", "remove"],
  ["POST", "/v1.41/exec/0af/start", "exec-start"],
  ["GET", "/v1.41/exec/0af/json", "exec-inspect"],
  ["GET", "/v1.41/images/registry/name:tag/json", "image-inspect"],
  ["DELETE", "/v1.41/images/registry/name", "image-remove"],
  ["POST", "/v1.41/images/create?fromImage=x", "pull"],
  ["GET", "/v1.41/volumes/x", "volume"],
  ["POST", "/v1.41/volumes/create", "volume-create"],
  ["GET", "/v1.41/swarm/x", "GET /swarm"],
])("%s %s is %s", (method, target, name) => {
  expect(callName(method, target)).toBe(name);
});
