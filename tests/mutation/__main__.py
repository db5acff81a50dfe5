# SPDX-License-Identifier: Apache-2.0
"""``python -m aion.local run python -m tests.mutation billing/services/holds.py [first [last]]``.

Puts one fault at a time into a copy of the tree and runs the quick tests
of billing until one fails. Prints the faults that none of them noticed; exit 1 when there are any.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation.faults import faults, with_fault

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 150
TESTS = (
    "holds",
    "metering",
    "corrections",
    "budgets",
    "expiry",
    "ledger_rules",
    "statements",
    "prices",
    "peers_mistakes",
)
FIRST = {
    "holds.py": "holds", "budgets.py": "budgets", "budget_sql.py": "budgets", "expiry.py": "expiry",
    "rating.py": "corrections", "metering.py": "metering", "ledger.py": "ledger_rules", "credits.py": "ledger_rules",
    "statements.py": "statements", "pricing.py": "prices", "corrections.py": "corrections",
}  # fmt: skip


def noticed(copy: Path, names: list[str]) -> bool:
    """Tell whether a test of the copy fails."""
    tests = [f"tests/billing/test_{name}.py" for name in names] + ["tests/billing/machine"]
    command = [
        sys.executable, "-m", "pytest", *tests, "-x", "-q", "-n", "0", "--reuse-db", "-p", "no:randomly", "-p",
        "no:cacheprovider", "-k", "not ten_thousand and not a_failure_is_shrunk", "--timeout", "60",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "AION_FUZZ_SEED": "1,150"}
    process = subprocess.Popen(
        command, cwd=copy, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return process.wait(SECONDS) != 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def main(path: str, first: int = 0, last: int | None = None) -> int:
    """Try the faults of one module and say which survive."""
    source = (ROOT / path).read_text(encoding="utf-8")
    order = sorted(TESTS, key=lambda name: name != FIRST.get(Path(path).name))
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", ".aion", "node_modules", "__pycache__")
        )
        if noticed(copy, order):
            sys.exit("The tests fail without any fault: nothing can be told.")
        wanted = list(faults(source))[first:last]
        for number, fault in enumerate(wanted, first):
            (copy / path).write_text(with_fault(source, fault), encoding="utf-8")
            if not noticed(copy, order):
                survivors.append(fault)
                sys.stdout.write(f"survived {number}: {path}:{fault.line} {fault.what}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{path}: {len(wanted)} faults, {len(survivors)} survived\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *(int(word) for word in sys.argv[2:4])))
