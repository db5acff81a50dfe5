# SPDX-License-Identifier: Apache-2.0
"""`python -m clusters.simulator --port N [--state DIR]`: a simulated Kubernetes site of its own process."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from clusters.simulator.server import serve


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m clusters.simulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, default=None, help="folder of the journal; without it all is forgotten")
    options = parser.parse_args()
    try:
        server, _ = serve(port=options.port, state_dir=options.state)
    except OSError as error:
        sys.stderr.write(f"The simulated site cannot listen on port {options.port}: {error.strerror}.\n")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
