/** Where things are in every sandbox. All parents belong to root, so that nobody inside moves them. */
export const WORK_DIR = "/workspace";
export const HOME_DIR = "/home/agent";
/** The names of addresses: `hosts(5)`. */
export const HOSTS_PATH = "/etc/hosts";
export const TERMINALS_DIR = "/dev/pts";
export const AGENT_DIR = "/carrel";
export const AGENT_PATH = "/carrel/carrel-agent";
