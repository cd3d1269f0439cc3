import type { RuntimeRecipe } from "./runtime-recipe.ts";

const PYTHON = "python:3.12-slim";
const NODE = "node:24-slim";

/** Recipes that can be chosen by name. */
export const BUILTIN_RUNTIMES: readonly RuntimeRecipe[] = [
  {
    name: "python-minimal",
    description: "Python 3.12 and its standard library.",
    baseImage: PYTHON,
  },
  {
    name: "python-datascience",
    description: "Python with pandas, NumPy, Matplotlib, scikit-learn and seaborn.",
    baseImage: PYTHON,
    pipPackages: ["pandas", "numpy", "matplotlib", "scikit-learn", "seaborn"],
    // There is no screen; plots go to files.
    env: { MPLBACKEND: "Agg" },
  },
  {
    name: "python-analytics",
    description: "Python with DuckDB, Polars and PyArrow, for tables larger than memory.",
    baseImage: PYTHON,
    pipPackages: ["duckdb", "polars", "pyarrow"],
  },
  {
    name: "python-web",
    description: "Python with FastAPI, Uvicorn, SQLAlchemy and HTTPX.",
    baseImage: PYTHON,
    pipPackages: ["fastapi", "uvicorn", "sqlalchemy", "httpx"],
  },
  {
    name: "node-minimal",
    description: "Node.js 24 with npm.",
    baseImage: NODE,
  },
  {
    name: "node-typescript",
    description: "Node.js with TypeScript, tsx and Vitest.",
    baseImage: NODE,
    npmPackages: ["typescript", "tsx", "vitest", "vite", "@types/node"],
  },
  {
    name: "coding",
    description: "Python with git, ripgrep, fd, jq, curl and uv, for work on a code base.",
    baseImage: PYTHON,
    aptPackages: [
      "git",
      "curl",
      "ca-certificates",
      "ripgrep",
      "fd-find",
      "jq",
      "less",
      "patch",
      "procps",
    ],
    pipPackages: ["uv"],
    // Debian has another program called fd.
    setup: ["ln -s /usr/bin/fdfind /usr/local/bin/fd"],
  },
  {
    // Node's image with Debian's Python, because Debian's Node is years behind, and its Python not.
    name: "polyglot",
    description: "Node.js 24 and Python 3 together, with NumPy, DuckDB, Polars and HTTPX.",
    baseImage: NODE,
    aptPackages: [
      "git",
      "curl",
      "ca-certificates",
      "procps",
      "python3",
      "python3-pip",
      "python3-venv",
      "python-is-python3",
    ],
    pipPackages: ["numpy", "duckdb", "polars", "httpx"],
  },
];
