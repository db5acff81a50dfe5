# SPDX-License-Identifier: Apache-2.0
"""`python -m billing.sandbox --port N --webhook URL --secret whsec_… [--key sk_test_…] [--state DIR]`.

The secret and the key may come from AION_STRIPE_WEBHOOK_SECRET and AION_STRIPE_SECRET_KEY: no process list shows those.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

from billing.sandbox.server import Sandbox


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m billing.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--webhook", required=True, help="where events are posted: http://127.0.0.1:8000/webhooks/stripe"
    )
    parser.add_argument("--secret", default=os.environ.get("AION_STRIPE_WEBHOOK_SECRET"), help="signs webhooks")
    parser.add_argument("--key", default=os.environ.get("AION_STRIPE_SECRET_KEY") or "sk_test_sandbox")
    parser.add_argument("--state", type=Path, default=None, help="folder of the journal; without it all is forgotten")
    options = parser.parse_args()
    if not options.secret:
        parser.error("--secret or AION_STRIPE_WEBHOOK_SECRET is needed")
    if urlsplit(options.webhook).scheme != "http":
        parser.error("--webhook must be an address that begins with http://")
    try:
        server = Sandbox(
            port=options.port,
            webhook=options.webhook,
            secret=options.secret,
            key=options.key,
            state=options.state,
        )
    except OSError as error:
        sys.stderr.write(f"The payment sandbox cannot listen on port {options.port}: {error.strerror}.\n")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
