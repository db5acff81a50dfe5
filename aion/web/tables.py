# SPDX-License-Identifier: Apache-2.0
"""Tables that a phone shows as one card a row: each cell then needs its column's name beside it."""

import re
from functools import lru_cache
from html import escape, unescape

COLUMN = re.compile(r"<th\b[^>]*>(.*?)</th>", re.S)
ROW = re.compile(r"<tr\b.*?</tr>", re.S)
CELL = re.compile(r"<(td|th)\b([^>]*)>(.*?)</\1>", re.S)
HIDDEN = re.compile(r'<span class="sr-only">.*?</span>', re.S)
TAG = re.compile(r"<[^>]+>")
SPAN = re.compile(r'\bcolspan="(\d+)"')
FITS = 2
# Rows that a page keeps in writing come back as they were.
KEPT = 1024


def labelled(table: str) -> str:
    """Return the rows of ``table``, the HTML between its tags, with ``data-label`` on each cell after the first.

    A column whose name only a screen reader hears leaves its cells without a label, and so does a cell over several
    columns. Tables of at most two columns fit a phone and stay as they are.
    """
    head, end, body = table.partition("</thead>")
    names = tuple(_words(column) for column in COLUMN.findall(head))
    if len(names) <= FITS:
        return table
    return head + end + ROW.sub(lambda row: _row(row[0], names), body)


def stacks(table: str) -> bool:
    """Tell whether a phone shows ``table`` as cards."""
    return len(COLUMN.findall(table.partition("</thead>")[0])) > FITS


def _words(column: str) -> str:
    return " ".join(unescape(TAG.sub("", HIDDEN.sub("", column))).split())


@lru_cache(maxsize=KEPT)
def _row(row: str, names: tuple[str, ...]) -> str:
    place = 0

    def cell(found: re.Match[str]) -> str:
        nonlocal place
        tag, attributes, inside = found.groups()
        span = SPAN.search(attributes)
        label = names[place] if 0 < place < len(names) and span is None else ""
        place += int(span[1]) if span else 1
        named = f' data-label="{escape(label)}"' if label and inside.strip() else ""
        return f"<{tag}{attributes}{named}>{inside}</{tag}>"

    return CELL.sub(cell, row)
