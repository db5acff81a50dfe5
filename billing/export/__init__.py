# SPDX-License-Identifier: Apache-2.0
"""The usage export in FOCUS form. It reads and knows no edge: portal, API and command stream what it yields.

pyarrow is loaded when the first Parquet file is asked for, not when the process starts.
"""

from collections.abc import Iterator

from django.utils.translation import gettext

from aion.actor import Actor
from aion.errors import Rejected
from billing.export import csv
from billing.export.rows import MAX_DAYS, Period, focus_rows, month_period, period_of

FORMATS = ("csv", "parquet")

__all__ = ["FORMATS", "MAX_DAYS", "Period", "content_type", "export_pieces", "file_name", "month_period", "period_of"]


def export_pieces(actor: Actor, *, period: Period, form: str) -> Iterator[bytes]:
    """Return the file in pieces. Raises Rejected for a form that is none of FORMATS."""
    rows = focus_rows(actor, period=period)
    if form == "csv":
        return csv.csv_pieces(rows)
    if form == "parquet":
        from billing.export.parquet import parquet_pieces

        return parquet_pieces(rows)
    raise Rejected(gettext("The format is csv or parquet."), field="format")


def content_type(form: str) -> str:
    """Return the media type of a form."""
    return csv.CONTENT_TYPE if form == "csv" else "application/vnd.apache.parquet"


def file_name(period: Period, form: str) -> str:
    """Return what the download is called."""
    return f"focus_{period.words}.{form}"
