# SPDX-License-Identifier: Apache-2.0
"""`python -m aion.local COMMAND …`, called by the Makefile."""

import sys
from collections.abc import Callable

from aion.local import commands
from aion.local.layout import LocalError

COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "demo": commands.demo,
    "replay": commands.replay,
    "manage": commands.manage_command,
    "run": commands.run,
    "bench": commands.bench,
    "stop": commands.stop,
    "supervise": lambda arguments: commands.supervise(arguments[0]),
}


def main() -> int:
    """Run a command; a LocalError becomes one message and its exit code."""
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.stderr.write(f"Use one of: {', '.join(COMMANDS)}.\n")
        return 2
    try:
        return COMMANDS[sys.argv[1]](sys.argv[2:])
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return error.code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
