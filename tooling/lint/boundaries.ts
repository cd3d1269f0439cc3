import type { OxlintOverride } from "oxlint";

type Restriction = { regex: string; message: string } | { group: string[]; message: string };

interface Boundary {
  files: string[];
  restrictions: Restriction[];
  /** Packages of which only types may be imported, and why. */
  typesOnly?: { name: string; message: string; allowTypeImports: true }[];
}

/** These hold everywhere: a package is entered by what it exports. */
const EVERYWHERE: readonly Restriction[] = [
  {
    regex: "^@carrel/[^/]+/(src|dist)(/|$)",
    message: "Import what the package exports (`@carrel/NAME`), not a file inside it.",
  },
  {
    regex: "^(\\.\\./)+([^./][^/]*/)+(src|dist)(/|$)",
    message: "Import another package by its name (`@carrel/NAME`), not by a path to its files.",
  },
];

/**
 * The one arrow between the packages, as architecture/README.md draws it. Of several entries that
 * match a file the last one holds, alone.
 */
const ARROWS: readonly Boundary[] = [
  { files: ["**"], restrictions: [] },
  {
    files: ["packages/backend-protocol/**"],
    restrictions: [
      {
        regex: "^@carrel/",
        message: "The protocol is what all others stand on: it imports no workspace package.",
      },
    ],
  },
  {
    files: ["packages/*-sandbox/**", "packages/sandbox-agent/**"],
    restrictions: [
      allBut(["backend-protocol"], "A provider knows the protocol only. What two need goes there."),
    ],
  },
  {
    files: ["packages/docker-sandbox/**"],
    restrictions: [
      allBut(
        ["backend-protocol", "sandbox-agent"],
        "A provider knows the protocol, and the agent that it puts into its sandboxes.",
      ),
    ],
  },
  {
    files: ["packages/session-manager/**", "packages/console-toolset/**"],
    restrictions: [
      allBut(
        ["backend-protocol"],
        "Take what you need as the protocol's interfaces; apps/server composes.",
      ),
    ],
  },
  {
    files: [
      "packages/{session-manager,console-toolset}/**/{test,testing,bench}/**",
      "packages/{session-manager,console-toolset}/**/*.test.ts",
    ],
    restrictions: [
      allBut(
        ["backend-protocol", "embedded-sandbox"],
        "Tests use the protocol, and the embedded sandbox as their double.",
      ),
    ],
  },
  {
    files: ["packages/session-store/**"],
    restrictions: [
      allBut(
        ["backend-protocol", "session-manager"],
        "The store stands on the manager's port, and knows no provider; apps/server composes.",
      ),
    ],
  },
  {
    files: ["packages/fault-harness/**"],
    restrictions: [
      allBut(
        [
          "backend-protocol",
          "docker-sandbox",
          "embedded-sandbox",
          "session-manager",
          "session-store",
        ],
        "The harness breaks what stands below the server, which has end-to-end tests of its own.",
      ),
    ],
  },
  {
    files: ["apps/server/**", "samples/**"],
    restrictions: [
      {
        group: ["@carrel/fault-harness"],
        message: "The fault harness is not published: nothing imports it.",
      },
    ],
  },
  {
    files: ["apps/web/**"],
    restrictions: [
      allBut(
        ["server"],
        "The page knows the server only, over HTTP. Ask a route for what it needs.",
      ),
    ],
    typesOnly: [
      {
        name: "@carrel/server",
        message: "The page takes types from the server: `import type`. Its code runs elsewhere.",
        allowTypeImports: true,
      },
    ],
  },
];

/** One lint override for each arrow: an override replaces a rule's options, and adds nothing. */
export const boundaries: OxlintOverride[] = ARROWS.map(
  ({ files, restrictions, typesOnly = [] }) => ({
    files,
    rules: {
      "eslint/no-restricted-imports": [
        "error",
        { paths: typesOnly, patterns: [...EVERYWHERE, ...restrictions] },
      ],
    },
  }),
);

function allBut(names: readonly string[], message: string): Restriction {
  return { group: ["@carrel/*", ...names.map((name) => `!@carrel/${name}`)], message };
}
