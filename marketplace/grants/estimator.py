# SPDX-License-Identifier: Apache-2.0
"""From model size and tokens to GPU-hours: training takes about 6 FLOP per parameter and token. Whole numbers only."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "accelerators.csv"
FLOP_PER_PARAM_AND_TOKEN = 6
TERA = 10**12
BASIS_POINTS = 10_000
PARAMS = (10**6, 10**14)
TOKENS = (10**6, 10**16)
MFU = (100, 9_000)
HOURS = (1, 100_000_000)


def _(text: str) -> str:
    # Marks a sentence for the catalogue; the edges translate it.
    return text


class OutOfBounds(ValueError):
    """A figure that no training run has; ``field`` names it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Accelerator:
    """What the table says of one accelerator."""

    code: str
    name: str
    peak_tflops: int
    normalised_percent: int
    since: str
    source: str


@dataclass(frozen=True, slots=True)
class Compute:
    """What a training run takes on one accelerator."""

    flop: int
    gpu_hours: int
    normalised_hours: int


@cache
def accelerators() -> Mapping[str, Accelerator]:
    """Return the table by code."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {
        row["code"]: Accelerator(
            code=row["code"],
            name=row["name"],
            peak_tflops=int(row["peak_tflops"]),
            normalised_percent=int(row["normalised_percent"]),
            since=row["since"],
            source=row["source"],
        )
        for row in csv.DictReader(lines)
    }


@cache
def table_version() -> str:
    """Return the version of the table, shown with every estimate."""
    return TABLE.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(";")[0]


def _within(field: str, value: int, bounds: tuple[int, int], words: str) -> None:
    low, high = bounds
    if not low <= value <= high:
        raise OutOfBounds(field, words)


def training(*, code: str, params: int, tokens: int, mfu_bp: int) -> Compute:
    """Return what it takes to train ``params`` parameters on ``tokens`` tokens at ``mfu_bp`` of the peak.

    Hours are rounded up. Raises OutOfBounds for figures out of reach and for an accelerator without a known peak.
    """
    _within("params", params, PARAMS, _("Enter a model size between 1 million and 100 trillion parameters."))
    _within("tokens", tokens, TOKENS, _("Enter between 1 million and 10 quadrillion tokens."))
    _within("mfu_bp", mfu_bp, MFU, _("Enter a utilisation between 1 and 90 %; 30 to 45 % is usual."))
    known = accelerators().get(code)
    if known is None:
        raise OutOfBounds("sku_code", _("No peak is published for this accelerator: enter its GPU-hours yourself."))
    flop = FLOP_PER_PARAM_AND_TOKEN * params * tokens
    gpu_hours = -(-flop * BASIS_POINTS // (known.peak_tflops * TERA * mfu_bp * 3600))
    _within("tokens", gpu_hours, HOURS, _("This takes more than 100 million GPU-hours: check model size and tokens."))
    return Compute(flop, gpu_hours, normalised(code, gpu_hours))


def normalised(code: str, gpu_hours: int) -> int:
    """Return hours of an A100 that do as much, rounded up; the hours themselves where the table has no factor."""
    known = accelerators().get(code)
    return -(-gpu_hours * known.normalised_percent // 100) if known is not None else gpu_hours
