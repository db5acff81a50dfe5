# SPDX-License-Identifier: Apache-2.0
"""`make check`: every static check, each named as it runs; the first failure is shown and ends it."""

import difflib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
OPENAPI = ROOT / "docs" / "api" / "openapi.yaml"
STYLE = ROOT / "static" / "css" / "app.css"


class Skipped(Exception):
    """A check that cannot run on this machine, with the reason."""


def run(*argv: str, **environment: str) -> str:
    """Run a command and return its output. Raises RuntimeError with it on failure."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **environment}
    result = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError((result.stdout + result.stderr).strip())
    return result.stdout


def manage(*arguments: str, **environment: str) -> str:
    """Run a management command on the test settings."""
    settings = environment.pop("DJANGO_SETTINGS_MODULE", "tests.settings")
    return run(sys.executable, "manage.py", *arguments, DJANGO_SETTINGS_MODULE=settings, **environment)


def deployment() -> str:
    """Run Django's deployment checks on settings as production has them."""
    return manage(
        "check", "--deploy", "--fail-level", "WARNING",
        DJANGO_SETTINGS_MODULE="aion.settings", AION_SECRET_KEY="".join(map(chr, range(48, 122))), AION_BROKER_URL="redis://broker:6379/0",
        DATABASE_URL="postgresql://aion@db/aion", AION_BASE_URL="https://portal.aion.example", AION_VIRTUAL_CLOCK="no",
        AION_LOCAL_MAILBOX="", AION_LOG_LEVEL="ERROR", AION_WEBHOOKS_ALLOW_PRIVATE="no",
    )  # fmt: skip


def openapi() -> str:
    """Compare the committed OpenAPI document with the code."""
    made = manage("spectacular", "--validate", "--fail-on-warn")
    committed = OPENAPI.read_text(encoding="utf-8") if OPENAPI.exists() else ""
    if made.strip() != committed.strip():
        diff = difflib.unified_diff(committed.splitlines(), made.splitlines(), "committed", "code", lineterm="", n=1)
        raise RuntimeError("\n".join(list(diff)[:60]) + "\nRun `make check ARGS=--update` and read the difference.")
    return ""


def translations() -> str:
    """Refuse untranslated and fuzzy French, strings that are missing, and a compiled catalogue that is old."""
    return run(sys.executable, "-m", "tests.translations")


def sizes() -> str:
    """Refuse modules over 400 lines."""
    big = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for app in ("aion", "billing", "clusters", "marketplace")
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts and (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    ]
    if big:
        raise RuntimeError("Split by aggregate:\n" + "\n".join(big))
    return ""


def style_sheet() -> str:
    """Build the style sheet again and compare: a class that a template began to use must be in the committed file."""
    tailwind = ROOT / "node_modules" / ".bin" / "tailwindcss"
    if not tailwind.exists():
        raise Skipped("node_modules is missing; `npm ci` brings it")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "app.css"
        run(str(tailwind), "-i", "assets/app.css", "-o", str(made), "--minify")
        if made.read_bytes() != STYLE.read_bytes():
            raise RuntimeError("static/css/app.css is not what `npm run build` makes: run it and commit the result.")
    return ""


CHECKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("format", lambda: run(str(BIN / "ruff"), "format", "--check", "--quiet", ".")),
    ("lint", lambda: run(str(BIN / "ruff"), "check", "--quiet", ".")),
    ("types", lambda: run(str(BIN / "mypy"), "--no-error-summary", "--no-incremental")),
    ("import contracts", lambda: run(str(BIN / "lint-imports"))),
    ("module size", sizes),
    ("migrations", lambda: manage("makemigrations", "--check", "--dry-run")),
    ("deployment", deployment),
    ("OpenAPI", openapi),
    ("translations", translations),
    # Names what cannot be imported, and leaves the tests compiled for the processes that will run them.
    ("collection", lambda: run(sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider")),
    ("style sheet", style_sheet),
)


def main() -> int:
    """Run them all."""
    if "--update" in sys.argv:
        OPENAPI.write_text(manage("spectacular", "--validate"), encoding="utf-8")
        run(sys.executable, "-m", "tests.translations", "--update")
    # Each check is a process of one thread; the types alone take as long as all others.
    with ThreadPoolExecutor(2) as pool:
        for name, asked in [(name, pool.submit(timed, check)) for name, check in CHECKS]:
            try:
                sys.stdout.write(f"check {name}: ok ({asked.result():.1f} s)\n")
            except Skipped as reason:
                sys.stdout.write(f"check {name}: SKIPPED ({reason})\n")
            except RuntimeError as error:
                sys.stdout.write(f"check {name}: FAILED\n{error}\n")
                pool.shutdown(wait=False, cancel_futures=True)
                return 1
            sys.stdout.flush()
    return 0


def timed(check: Callable[[], str]) -> float:
    """Run a check and return how many seconds it took."""
    began = time.monotonic()
    check()
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
