/** What `/openapi.json` says beside the routes. */
export function describeApi(version: string) {
  return {
    openapi: "3.1.0",
    info: {
      title: "Carrel",
      version,
      description:
        "A private, isolated sandbox for every user: sessions, streamed chat with an agent that works in the sandbox, files, and commands.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    tags: [
      { name: "sessions" },
      { name: "chat" },
      { name: "files" },
      { name: "commands" },
      { name: "admin" },
      { name: "server" },
    ],
  };
}
