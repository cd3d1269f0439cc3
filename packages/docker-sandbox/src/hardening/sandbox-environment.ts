import { HOME_DIR } from "./places.ts";

/** Programs that the user installed, by pip, uv, npm and cargo. */
const USER_BIN = `${HOME_DIR}/.local/bin`;

/**
 * Variables of every sandbox. What programs install goes under the user's home, because the root can
 * only be read; nothing asks questions, pages or colours, because nobody sits there. pip needs no
 * word: where it may not write it takes `~/.local`, and `PIP_USER` would break virtual environments.
 */
const BASE: Readonly<Record<string, string>> = {
  HOME: HOME_DIR,
  USER: "agent",
  LOGNAME: "agent",
  // Images have no name for the uid in their passwd file, and bash says so in its prompt.
  PROMPT_COMMAND: "PS1=${PS1//\\\\u/$USER}",
  LANG: "C.UTF-8",
  TMPDIR: "/tmp",
  PYTHONUNBUFFERED: "1",
  PIP_BREAK_SYSTEM_PACKAGES: "1",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_NO_INPUT: "1",
  UV_TOOL_BIN_DIR: USER_BIN,
  UV_PYTHON_INSTALL_DIR: `${HOME_DIR}/.local/share/uv/python`,
  // Its cache and a virtual environment in the workspace lie on different file systems.
  UV_LINK_MODE: "copy",
  UV_CONCURRENT_DOWNLOADS: "2",
  UV_CONCURRENT_INSTALLS: "2",
  NPM_CONFIG_PREFIX: `${HOME_DIR}/.local`,
  NODE_PATH: `${HOME_DIR}/.local/lib/node_modules:/usr/local/lib/node_modules:/usr/lib/node_modules`,
  CARGO_HOME: `${HOME_DIR}/.cargo`,
  CARGO_INSTALL_ROOT: `${HOME_DIR}/.local`,
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

/**
 * As the engine takes it, in an order that is always the same.
 * @param imagePath the image's own PATH, which comes after what the user installed
 * @param added variables of the operator's, which win
 */
export function sandboxEnvironment(
  imagePath: string,
  added: Readonly<Record<string, string>>,
): string[] {
  const path = [USER_BIN, `${HOME_DIR}/.cargo/bin`, imagePath].join(":");
  return Object.entries({ ...BASE, PATH: path, ...added })
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}
