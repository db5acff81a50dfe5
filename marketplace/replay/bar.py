# SPDX-License-Identifier: Apache-2.0
"""The progress bar of what moves virtual time."""

import sys
import time

WIDTH = 32


class Bar:
    """A progress bar on standard error; one line a tenth where that is no terminal."""

    def __init__(self) -> None:
        """Start the clock."""
        self.began = time.monotonic()
        self.last = -1
        self.terminal = sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        """Draw the bar at ``done`` of ``total`` virtual seconds."""
        share = min(1.0, done / total) if total else 1.0
        step = int(share * (200 if self.terminal else 10))
        if step == self.last:
            return
        self.last = step
        filled = int(share * WIDTH)
        spent = time.monotonic() - self.began
        left = spent / share - spent if share else 0
        text = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%}  {spent:4.0f} s, about {left:.0f} s left"
        sys.stderr.write(f"\r{text}   " if self.terminal else f"{text}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the bar's line."""
        if self.terminal and self.last >= 0:
            sys.stderr.write("\n")
