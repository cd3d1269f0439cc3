import { defineCommand } from "just-bash";
import type { Command } from "just-bash";

/**
 * just-bash runs a copy of a script in its own folder, behind a prelude: the script finds no module
 * beside it, and tracebacks name the copy and its lines. This launcher, run in place of the script,
 * sets the search path as Python does, runs the script under its own name, and keeps itself out of
 * tracebacks.
 */
const LAUNCHER = `
def _run():
    import os, sys, traceback
    mode, target, *rest = sys.argv[1:]
    names = sys.modules["__main__"].__dict__
    own = names.pop("_run").__code__.co_filename
    sys.argv = [{"code": "-c", "module": "-m", "input": "-"}.get(mode, target), *rest]
    folder = os.path.dirname(os.path.abspath(target)) if mode == "file" else os.getcwd()
    # Imports look at the file system below just-bash's own view of it.
    sys.path[0] = "/host" + folder
    try:
        if mode == "module":
            import runpy
            runpy.run_module(target, run_name="__main__", alter_sys=True)
            return
        if mode == "file":
            try:
                with open(target, encoding="utf-8") as file:
                    source = file.read()
            except OSError as error:
                print(f"python3: can't open file '{target}': {error.strerror}", file=sys.stderr)
                sys.exit(2)
            names["__file__"] = target
        else:
            source = target if mode == "code" else sys.stdin.read()
        name = {"code": "<string>", "input": "<stdin>"}.get(mode, target)
        exec(compile(source, name, "exec"), names)
    except SystemExit:
        raise
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename in (own, "<frozen runpy>"):
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
        sys.exit(1)
_run()
`;

/** Options that say nothing to an interpreter without byte code files and site packages. */
const IGNORED_OPTION = /^-[BEIOSbdqsu]+$/;

/** `python3` and `python`, started through the launcher. */
export function pythonCommands(): Command[] {
  return ["python3", "python"].map((name) =>
    defineCommand(name, async (args, context) => {
      if (!context.origCommand)
        return { stdout: "", stderr: `${name}: not found\n`, exitCode: 127 };
      return context.origCommand(launched(args) ?? args);
    }),
  );
}

/** The arguments that run the same through the launcher; `null` where there is nothing to run. */
function launched(args: readonly string[]): string[] | null {
  const start = args.findIndex((argument) => !IGNORED_OPTION.test(argument));
  const [first = "-", ...rest] = start < 0 ? [] : args.slice(start);
  if (first === "-") return ["-c", LAUNCHER, "input", "-", ...rest];
  if (first === "-c" && rest.length > 0) return ["-c", LAUNCHER, "code", ...rest];
  if (first === "-m" && rest.length > 0) return ["-c", LAUNCHER, "module", ...rest];
  return first.startsWith("-") ? null : ["-c", LAUNCHER, "file", first, ...rest];
}
