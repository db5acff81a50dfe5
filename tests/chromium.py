# SPDX-License-Identifier: Apache-2.0
"""The browser of the journeys: found, installed as root on Debian, or missing and said aloud."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# Without windows and what they need it does the same with a fifth less of a processor; not every Debian has it.
PACKAGES = ("chromium-headless-shell", "chromium")


def find() -> str | None:
    """Return a Chromium that is on this machine."""
    for name in (*PACKAGES, "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    cache = Path.home() / ".cache" / "ms-playwright"
    return next((str(path) for path in sorted(cache.glob("chromium-*/chrome-linux*/chrome"))), None)


def main() -> int:
    """Install Chromium with apt where that is possible; never fail, but say what is skipped."""
    if find():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stdout.write("Installing Chromium for the browser tests …\n")
        sys.stdout.flush()
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for package in PACKAGES:
            install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package, "fonts-liberation"]
            subprocess.run(install, env=environment, capture_output=True, check=False)
            if find():
                break
    if not find():
        sys.stdout.write("NO CHROMIUM on this machine: the browser tests are SKIPPED (install the package chromium).\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
