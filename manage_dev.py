"""A fresh checkout comes in, a running program or a test verdict goes out; settings and data are left alone.

This stands behind the Makefile. It uses the standard library only, because it is what installs everything
else: it makes `.venv`, installs the hashed requirements once per change, then runs.

    python3 manage_dev.py run                         web and worker, with the demo company
    python3 manage_dev.py test                        every stage; `--only lint types` for some of them
    python3 manage_dev.py test -- tests/engine -k x   pytest with these arguments, on both databases
    python3 manage_dev.py test-all                    `test`, and all that it runs in a reduced form only
    python3 manage_dev.py lint | format               check the sources | put them in order
    python3 manage_dev.py bench intake                a benchmark, on a private and durable PostgreSQL
    python3 manage_dev.py postgres -- COMMAND         COMMAND beside a private PostgreSQL; --durable: fsync
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from private_postgres import Unavailable, private_postgres

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
STAGES = ("lint", "types", "migrations", "sqlite", "postgres")
TEST_STAGES = ("sqlite", "postgres")


# Installing ------------------------------------------------------------------------------------------------


def install(lock: str) -> None:
    """Make `.venv` hold what the lock file (a name in the root) pins, unless it does already.

    Raises SystemExit with one sentence when this Python cannot, or when pip fails.
    """
    with (ROOT / ".venv.lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)  # two terminals, one installation
        make_venv()
        digest = hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()
        stamp = VENV / f".installed-{lock}"
        if stamp.exists() and stamp.read_text() == digest:
            return
        run_pip(pip_command(), lock)
        stamp.write_text(digest)


def make_venv() -> None:
    """Make `.venv` anew when it is missing, or its interpreter is gone or too old."""
    probe = [str(PYTHON), "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"]
    if not (PYTHON.exists() and succeeds(probe)):
        say(f"making {VENV.name}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)], check=True)


def pip_command() -> list[str]:
    """The pip to install with: the environment's own, or, where Debian left ensurepip out, the system's."""
    own = [str(PYTHON), "-m", "pip"]
    if succeeds([*own, "--version"]):
        return own
    if succeeds([str(PYTHON), "-m", "ensurepip", "--default-pip"]):
        return own
    borrowed = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if succeeds([*borrowed, "--version"]):
        return borrowed
    sys.exit("This Python has no pip to install with. On Debian or Ubuntu: sudo apt-get install python3-venv")


def run_pip(pip: list[str], lock: str) -> None:
    """Install the lock file, one line of progress per package; pip's own words only when it fails."""
    total = len(re.findall(r"^[\w.-]+(?:\[[^]]*\])?==", (ROOT / lock).read_text(), re.MULTILINE))
    say(f"installing {lock}: {total} packages, once per change")
    command = [*pip, "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    child = subprocess.Popen(
        [*command, "--require-hashes", "-r", str(ROOT / lock)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    words, done = [], 0
    for line in child.stdout:
        words.append(line)
        found = re.match(r"(?:Collecting|Processing|Requirement already satisfied:) (?:\S*/)?(\S+)", line)
        if found:
            done += 1
            say(f"  {done}/{total} {found[1]}")
        elif line.startswith("Installing collected"):
            say("  unpacking")
    if child.wait():
        sys.exit("".join(words[-20:]) + f"\npip could not install {lock}; its last words stand above.")


# Children --------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    print(text, flush=True)


def succeeds(command: list[str]) -> bool:
    """Whether the command ends with status 0; its output goes nowhere."""
    quiet = subprocess.DEVNULL
    return subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet).returncode == 0


def follow(command: list[str], env: dict[str, str], keep: bool = False) -> tuple[int, str]:
    """Run a command in the root; exit status and, with `keep`, its last line, shown as it comes all the same.

    On Ctrl-C the terminal has told the child as well: it gets 15 s to tidy up. On SIGTERM it is told here.
    """
    child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE if keep else None)
    tail = b""
    try:
        while keep and (chunk := os.read(child.stdout.fileno(), 65536)):
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
            tail = (tail + chunk)[-4096:]
        status = child.wait()
    except BaseException as reason:
        if not isinstance(reason, KeyboardInterrupt):
            child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(15)
        child.kill()
        raise
    lines = re.sub(r"\x1b\[[\d;]*m", "", tail.decode(errors="replace")).split("\n")
    return status, next((line.strip() for line in reversed(lines) if line.strip()), "")


# The test stages -------------------------------------------------------------------------------------------


class Verdicts:
    """What each stage came to, how long it took, and what was skipped and why."""

    def __init__(self) -> None:
        self.rows, self.skipped = [], []

    def stage(self, name: str, commands: list[list[str]], env: dict[str, str], keep: bool = False) -> None:
        """Run the commands, all of them even after a failure; any exit status but 0 fails the stage."""
        begun, failed, closing = time.monotonic(), False, ""
        for command in commands:
            say(f"\n== {name}: {' '.join(Path(word).name if word[:1] == '/' else word for word in command)}")
            status, closing = follow(command, env, keep)
            failed = failed or status != 0
        self.rows.append((name, "FAILED" if failed else "ok", time.monotonic() - begun, closing))

    def skip(self, name: str, reason: object) -> None:
        self.skipped.append(f"skipped {name}: {reason}")

    def conclude(self) -> int:
        """Print the table, with pytest's closing lines; the exit status."""
        say("\nstage       verdict  seconds")
        for name, verdict, seconds, _ in self.rows:
            say(f"{name:<11} {verdict:<7} {seconds:>8.1f}")
        for line in self.skipped:
            say(line)
        for name, _, _, closing in self.rows:
            if closing:
                say(f"{name}:\n{closing}")
        intolerable = bool(self.skipped) and os.environ.get("REVROUTE_SKIP_NOTHING") == "1"
        if intolerable:
            say("REVROUTE_SKIP_NOTHING is set, so a skipped part fails the run.")
        return int(intolerable or any(verdict != "ok" for _, verdict, _, _ in self.rows))


def source_checks() -> dict[str, list[list[str]]]:
    """The commands of the stages that need no database server, by stage."""
    python = str(PYTHON)
    templates = [str(path) for path in sorted((ROOT / "templates").rglob("*.html"))]
    djade = [str(VENV / "bin" / "djade"), "--check", "--target-version", "5.2", *templates]
    ruff = [[python, "-m", "ruff", "check", "."], [python, "-m", "ruff", "format", "--check", "."]]
    return {
        "lint": ruff + ([djade] if templates else []),
        "types": [[python, "-m", "mypy"]],
        "migrations": [[python, "manage.py", "makemigrations", "--check", "--dry-run"]],
    }


def test(only: list[str], arguments: list[str], full: bool) -> int:
    """Run the stages in `only` (none: all, or with pytest arguments, those of pytest); the exit status."""
    install("requirements-dev.txt")
    chosen = only or (TEST_STAGES if arguments else STAGES)
    verdicts = Verdicts()
    with tempfile.TemporaryDirectory(prefix="revroute-test-") as var:
        env = test_environment(var, full)
        for name, commands in source_checks().items():
            if name in chosen:
                verdicts.stage(name, commands, env)
        pytest = [str(PYTHON), "-m", "pytest", "-n", str(os.cpu_count() or 1)]
        if sys.stdout.isatty():
            pytest.append("--color=yes")
        chromium = find_chromium()
        if chromium:
            env["CHROMIUM"] = chromium
        elif set(chosen) & set(TEST_STAGES):
            pytest += ["-m", "not browser"]
            verdicts.skip("browser tests", "no Chromium found (Debian: apt-get install chromium)")
        if "sqlite" in chosen:
            verdicts.stage("sqlite", [pytest + arguments], env, keep=True)
        if "postgres" in chosen:
            try:
                with test_postgres() as address:
                    # Pure tests give the same on any database: once is enough.
                    once = {"TESTS_OF_THE_DATABASE_ONLY": "1"} if "sqlite" in chosen and not arguments else {}
                    verdicts.stage("postgres", [pytest + arguments], {**env, **address, **once}, keep=True)
            except Unavailable as reason:
                verdicts.skip("PostgreSQL", reason)
    return verdicts.conclude()


def test_environment(var: str, full: bool) -> dict[str, str]:
    """The environment of the stages: a database, files and switches of their own, not the developer's."""
    own = {"VAR_DIR": var, "DATABASE_URL": f"sqlite:///{var}/tests.sqlite3", "DEMO": "0"}
    own["COLUMNS"] = str(shutil.get_terminal_size().columns)
    own["PYTHONDONTWRITEBYTECODE"] = ""  # tests start hundreds of processes, and each would compile everything anew
    if full:
        own["REVROUTE_FULL"] = "1"
    return {**os.environ, **own}


@contextlib.contextmanager
def test_postgres() -> Iterator[dict[str, str]]:
    """The address of the server to test on: the one named in TEST_DATABASE_URL, or a private one."""
    named = os.environ.get("TEST_DATABASE_URL")
    if named:
        yield {"DATABASE_URL": named}
    else:
        with private_postgres() as address:
            yield address


def find_chromium() -> str | None:
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


# The commands ----------------------------------------------------------------------------------------------


def run(arguments: list[str]) -> None:
    """Become `manage.py serve`, with the demo company unless the environment or `.env` says otherwise."""
    install("requirements.txt")
    settings = ROOT / ".env"
    said = settings.exists() and re.search(r"^\s*(?:export\s+)?DEMO\s*=", settings.read_text(), re.MULTILINE)
    env = dict(os.environ) if said else {"DEMO": "1", **os.environ}
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(str(PYTHON), [str(PYTHON), "manage.py", "serve", *arguments], env)


def lint() -> int:
    """The stages that need no database server."""
    return test([name for name in STAGES if name not in TEST_STAGES], [], full=False)


def format_sources() -> int:
    """Let ruff and djade rewrite what `lint` would complain of, as far as they can."""
    install("requirements-dev.txt")
    python = str(PYTHON)
    templates = [str(path) for path in sorted((ROOT / "templates").rglob("*.html"))]
    commands = [[python, "-m", "ruff", "check", "--fix", "."], [python, "-m", "ruff", "format", "."]]
    if templates:  # djade ends with 1 when it changed something, which is what it is for
        follow([str(VENV / "bin" / "djade"), "--target-version", "5.2", *templates], dict(os.environ))
    return max(follow(command, dict(os.environ))[0] for command in commands)


def bench(arguments: list[str]) -> int:
    """Run `manage.py bench` on DATABASE_URL, or else on a private PostgreSQL with fsync; the exit status."""
    install("requirements.txt")
    command = [str(PYTHON), "manage.py", "bench", *arguments]
    if os.environ.get("DATABASE_URL"):
        return follow(command, dict(os.environ))[0]
    return beside_postgres(command, durable=True)


def beside_postgres(command: list[str], durable: bool) -> int:
    """Run the command with the address of a private PostgreSQL in its environment; its exit status."""
    try:
        with private_postgres(durable) as address:
            path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
            return follow(command, {**os.environ, **address, "PATH": path})[0]
    except Unavailable as reason:
        sys.exit(f"PostgreSQL: {reason}")


def main(words: list[str]) -> int | None:
    cut = words.index("--") if "--" in words else len(words)
    words, rest = words[:cut], words[cut + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in ("run", "lint", "format"):
        commands.add_parser(name)
    for name in ("test", "test-all"):
        commands.add_parser(name).add_argument("--only", nargs="+", choices=STAGES, default=[])
    commands.add_parser("bench").add_argument("name", nargs="*")
    commands.add_parser("postgres").add_argument("--durable", action="store_true")
    options = parser.parse_args(words)
    if options.command == "run":
        return run(rest)
    if options.command in ("test", "test-all"):
        return test(options.only, rest, full=options.command == "test-all")
    if options.command == "bench":
        return bench(options.name + rest)
    if options.command == "postgres":
        if not rest:
            parser.error("postgres needs a command: python3 manage_dev.py postgres -- psql")
        return beside_postgres(rest, options.durable)
    return lint() if options.command == "lint" else format_sources()


def end(*_: object) -> None:
    raise SystemExit(143)


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        sys.exit(
            "RevRoute needs Python {}.{} or newer, and {} is {}.{}. "
            "Name a newer one: make run PYTHON=python3.12".format(*OLDEST, sys.executable, *sys.version_info[:2])
        )
    signal.signal(signal.SIGTERM, end)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
