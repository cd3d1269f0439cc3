import { describe, expect, it } from "vitest";
import { BUILTIN_RUNTIMES } from "./builtin-runtimes.ts";
import { dockerfileOf } from "./dockerfile.ts";
import { resolveRuntime } from "./resolve-runtime.ts";
import type { RuntimeRecipe } from "./runtime-recipe.ts";

const RECIPE: RuntimeRecipe = { name: "mine", description: "Mine.", baseImage: "debian:bookworm" };

const INSTRUCTION =
  /^(?:FROM [\w./:@-]+|LABEL carrel\.runtime="mine"|USER 0:0|RUN \[.*\]|ENV [A-Za-z_]\w*="[^"\\$]*")$/;

function expectRefused(recipe: Partial<RuntimeRecipe>): void {
  expect(() => dockerfileOf({ ...RECIPE, ...recipe })).toThrowError(
    expect.objectContaining({ code: "invalid-argument" }),
  );
}

describe("The Dockerfile of a built-in runtime", () => {
  it.each(BUILTIN_RUNTIMES.map((recipe) => [recipe.name, recipe] as const))(
    "%s",
    (_name, recipe) => {
      expect(dockerfileOf(recipe)).toMatchSnapshot();
    },
  );

  it("belongs to a name that is there once", () => {
    const names = BUILTIN_RUNTIMES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("The Dockerfile of a recipe", () => {
  it("has each of its parts on a line", () => {
    const dockerfile = dockerfileOf({
      ...RECIPE,
      aptPackages: ["g++", "git=1:2.39.5-0+deb12u2"],
      pipPackages: ["uvicorn[standard]>=0.30,<1", "ruamel.yaml==0.18.*", "torch~=2.5", "a!=1"],
      npmPackages: ["typescript", "@types/node@^24.1.0", "vite@latest"],
      setup: [`printf '%s\\n' "a  b" # <<EOF`, "echo \\"],
      env: { EMPTY: "", OPTIONS: "--a=b c" },
    });
    const lines = dockerfile.trimEnd().split("\n");
    for (const line of lines) expect(line).toMatch(INSTRUCTION);
    expect(lines).toEqual(expect.arrayContaining(['ENV EMPTY=""', 'ENV OPTIONS="--a=b c"']));
    const commands = lines
      .filter((line) => line.startsWith("RUN "))
      .map((line) => JSON.parse(line.slice(4)) as string[]);
    expect(commands).toContainEqual(["/bin/sh", "-c", `printf '%s\\n' "a  b" # <<EOF`]);
    expect(commands).toContainEqual(["/bin/sh", "-c", "echo \\"]);
  });

  const ATTACKS = [
    "x\nRUN curl evil",
    "x\r\nUSER root",
    "x\u2028RUN id",
    "x; id",
    "x && id",
    "x|id",
    "$(id)",
    "`id`",
    "${HOME}",
    "x y",
    "x\ty",
    "x\\",
    'x" y="z',
    "x'",
    "x\0",
    "-x",
    "--index-url=http://evil",
    "-e.",
    "#x",
    "<<EOF",
    "x\u{1F4A5}",
  ];

  it.each(ATTACKS)("takes no package that is more than one: %j", (attack) => {
    expectRefused({ aptPackages: [attack] });
    expectRefused({ pipPackages: ["fine", attack] });
    expectRefused({ npmPackages: [attack] });
  });

  it.each([
    "git+https://evil/x",
    "https://evil/x.whl",
    "./x",
    "/x",
    "../x",
    "x @ https://evil",
    "file:x",
    "evil/x",
    "",
    "x".repeat(129),
  ])("takes no package from elsewhere than the registry: %j", (attack) => {
    expectRefused({ pipPackages: [attack] });
    expectRefused({ npmPackages: [attack] });
  });

  it.each(["x.whl", "x.tgz", "x.tar.gz", "x.zip", "x.WHL", "x.whl[extra]", "a@x.tgz"])(
    "takes no package that may be a file: %j",
    (attack) => {
      expectRefused({ pipPackages: [attack] });
      expectRefused({ npmPackages: [attack] });
    },
  );

  it("takes no Debian package that is to be removed, or that may be many", () => {
    for (const name of ["bash-", "a.+", "a.+b", "a..b"]) expectRefused({ aptPackages: [name] });
  });

  it("takes no field that there is not, and nothing that is no recipe", () => {
    expectRefused({ pipPackage: ["x"] } as Partial<RuntimeRecipe>);
    expectRefused({ env: "A=b" } as unknown as Partial<RuntimeRecipe>);
    for (const recipe of [null, undefined]) {
      expect(() => dockerfileOf(recipe as unknown as RuntimeRecipe)).toThrow(/must be an object/);
    }
  });

  it.each(
    ATTACKS.filter(
      (attack) => !/^-|^x y$|^\$?$/.test(attack) && attack !== "--index-url=http://evil",
    ),
  )("takes no variable that ends its line, or is put together: %j", (attack) => {
    expectRefused({ env: { [attack]: "x" } });
    if (!/^[\w .;-]*$/.test(attack)) expectRefused({ env: { X: attack } });
  });

  it.each(["x\nRUN id", "x\rRUN id", "x\u2028y", "x\0", "", "x".repeat(8193)])(
    "takes no command that is not one line: %j",
    (attack) => expectRefused({ setup: [attack] }),
  );

  it.each(["x\nRUN id", "x AS y", "scratch --platform=x", "--platform=x y", "$BASE"])(
    "takes no base image that is more than a name: %j",
    (attack) => expectRefused({ baseImage: attack }),
  );

  it.each(["", "Mine", "a/b", "a:b", "a b", "-a", "a-", "..", "a".repeat(49)])(
    "takes no name that cannot be part of a tag: %j",
    (name) => expectRefused({ name }),
  );

  it("takes nothing but lists of strings", () => {
    const wrong = JSON.parse('[{"pipPackages":"x"},{"setup":[["id"]]},{"aptPackages":[7]}]');
    for (const recipe of wrong as Partial<RuntimeRecipe>[]) expectRefused(recipe);
    expectRefused({ pipPackages: Array<string>(257).fill("x") });
  });
});

describe("A runtime", () => {
  it("is found by its name", () => {
    expect(resolveRuntime("python-minimal")).toMatchObject({ baseImage: "python:3.12-slim" });
  });

  it("can be a recipe of one's own", () => {
    expect(resolveRuntime(RECIPE)).toBe(RECIPE);
  });

  it.each(["nothing", "__proto__", "constructor"])("has no unknown name: %s", (name) => {
    expect(() => resolveRuntime(name)).toThrowError(
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringContaining("python-datascience"),
      }),
    );
  });

  it("is checked before it is used", () => {
    expect(() => resolveRuntime({ ...RECIPE, name: "a/b" })).toThrowError(/name/);
  });
});
