import { HOME_DIR } from "./places.ts";

/**
 * Variables of every sandbox. What programs install goes under the user's home, because the root can
 * only be read; nothing asks questions, pages or colours, because nobody sits there.
 */
const BASE: Readonly<Record<string, string>> = {
  HOME: HOME_DIR,
  USER: "agent",
  LOGNAME: "agent",
  LANG: "C.UTF-8",
  PATH: [
    `${HOME_DIR}/.local/bin`,
    `${HOME_DIR}/.npm-global/bin`,
    `${HOME_DIR}/.cargo/bin`,
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ].join(":"),
  TMPDIR: "/tmp",
  PYTHONUNBUFFERED: "1",
  PYTHONUSERBASE: `${HOME_DIR}/.local`,
  PIP_USER: "1",
  PIP_BREAK_SYSTEM_PACKAGES: "1",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_NO_INPUT: "1",
  UV_PYTHON_INSTALL_DIR: `${HOME_DIR}/.local/share/uv/python`,
  UV_TOOL_BIN_DIR: `${HOME_DIR}/.local/bin`,
  UV_CONCURRENT_DOWNLOADS: "2",
  UV_CONCURRENT_INSTALLS: "2",
  NPM_CONFIG_PREFIX: `${HOME_DIR}/.npm-global`,
  // The second is where runtimes have their global packages.
  NODE_PATH: `${HOME_DIR}/.npm-global/lib/node_modules:/usr/local/lib/node_modules`,
  CARGO_HOME: `${HOME_DIR}/.cargo`,
  GIT_TERMINAL_PROMPT: "0",
  GIT_CONFIG_COUNT: "4",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "*",
  GIT_CONFIG_KEY_1: "user.name",
  GIT_CONFIG_VALUE_1: "Agent",
  GIT_CONFIG_KEY_2: "user.email",
  GIT_CONFIG_VALUE_2: "agent@sandbox.invalid",
  GIT_CONFIG_KEY_3: "init.defaultBranch",
  GIT_CONFIG_VALUE_3: "main",
  DEBIAN_FRONTEND: "noninteractive",
  NO_COLOR: "1",
  PAGER: "cat",
  GIT_PAGER: "cat",
};

/** As the engine takes it, in an order that is always the same. */
export function sandboxEnvironment(added: Readonly<Record<string, string>>): string[] {
  return Object.entries({ ...BASE, ...added })
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}
