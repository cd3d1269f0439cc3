/** How an image for sandboxes is made. What it installs is there for the sandbox's user too. */
export interface RuntimeRecipe {
  /** Lower-case letters, digits and dashes, at most 48; part of the image's name. */
  name: string;
  /** For people who choose among runtimes. */
  description: string;
  /** Name of the image to begin with; Debian or a derivative where packages are to be installed. */
  baseImage: string;
  /** Names of Debian packages, each with `=version` where wanted. */
  aptPackages?: readonly string[];
  /** As for pip, with extras and versions: `uvicorn[standard]>=0.30`. No paths and no URLs. */
  pipPackages?: readonly string[];
  /** As for npm, with versions: `@types/node@24`. No paths and no URLs. */
  npmPackages?: readonly string[];
  /** Commands for /bin/sh, each of one line, run as root after the packages are there. */
  setup?: readonly string[];
  /**
   * For every process in the sandbox, and for the installation: `PIP_INDEX_URL` and the like work.
   * Values are of letters, digits, blanks and `_ . / : ; , @ % + = ~ * -`. No secrets: whoever has
   * the image can read them.
   */
  env?: Readonly<Record<string, string>>;
}
