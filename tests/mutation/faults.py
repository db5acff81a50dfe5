# SPDX-License-Identifier: Apache-2.0
"""Small faults in Python and in the SQL inside its strings."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

SQL_WORDS = re.compile(r"\b(SELECT|INSERT|UPDATE|WITH|WHERE)\b")
SQL = (
    (r" \+ ", " - "), (r" - ", " + "), (r" <= ", " < "), (r" >= ", " > "), (r" < ", " <= "), (r" > ", " >= "),
    (r" <> ", " = "), (r"\bASC\b", "DESC"), (r"\bDESC\b", "ASC"), (r"NULLS LAST", "NULLS FIRST"),
    (r"NULLS FIRST", "NULLS LAST"), (r"\bleast\(", "greatest("), (r"\bgreatest\(", "least("),
    (r"\bAND [^\n()]+(?=\n)", ""), (r"\bOR\b", "AND"), (r"\bmax\(", "min("), (r"\bsum\(", "max("),
    (r" FOR (NO KEY )?UPDATE[A-Z ]*", " "), (r"\b0\b", "1"), (r"\bORDER BY [\w.]+[A-Z ]*, (?=[a-z])", "ORDER BY "),
    (r"(?<=[a-z]), [a-z][\w.]*( DESC| ASC)?(?=\)? AS (running|upto|place|before))", ""), (r"\bDISTINCT ", ""),
)  # fmt: skip
COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not",
    ast.IsNot: "is",
}  # fmt: skip
ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*"}


@dataclass(frozen=True)
class Fault:
    """A stretch of the source and what stands there instead."""

    start: int
    end: int
    text: str
    line: int
    what: str

    def line_text(self, source: str) -> str:
        """Return the line of the source that it begins on, so that it is known again wherever that line moves."""
        return source.splitlines()[self.line - 1].strip()


def faults(source: str) -> Iterator[Fault]:
    """Yield the faults of a module, in the order of its lines."""
    tree = ast.parse(source)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    raw = source.encode()

    def at(node: ast.AST, text: str, what: str) -> Fault:
        start = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        end = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return Fault(start, end, text, node.lineno, what)  # type: ignore[attr-defined]

    def said(node: ast.AST) -> str:
        return ast.unparse(node)

    found: list[Fault] = []
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    words = {
        id(part) for node in ast.walk(tree) for one in getattr(node, "decorator_list", ()) for part in ast.walk(one)
    }
    for node in ast.walk(tree):
        if id(node) in words:
            continue  # a class that is not frozen or has no slots behaves the same
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
            sign = COMPARISONS[type(node.ops[0])]
            text = f"({said(node.left)}) {sign} ({said(node.comparators[0])})"
            found.append(at(node, text, f"{said(node)} -> {text}"))
        elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC and id(node) not in inside:
            text = f"({said(node.left)}) {ARITHMETIC[type(node.op)]} ({said(node.right)})"
            found.append(at(node, text, f"{said(node)} -> {text}"))
        elif isinstance(node, ast.BoolOp):
            text = (" or " if isinstance(node.op, ast.And) else " and ").join(f"({said(one)})" for one in node.values)
            found.append(at(node, text, f"{said(node)} -> {text}"))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            found.append(at(node, f"({said(node.operand)})", f"without not: {said(node)}"))
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            found.append(at(node, str(not node.value), f"{node.value} -> {not node.value}"))
        elif isinstance(node, ast.Constant) and isinstance(node.value, int):
            found.append(at(node, str(node.value + 1), f"{node.value} -> {node.value + 1}"))
        elif (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)) or isinstance(node, ast.Raise):
            found.append(at(node, "pass", f"removed: {said(node)[:80]}"))
        is_text = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        if is_text and id(node) not in inside - {id(node)}:
            whole = at(node, "", "")
            text = raw[whole.start : whole.end].decode()
            if SQL_WORDS.search(text) and ("\n" in text or "SELECT" in text):
                for pattern, new in SQL:
                    for match in re.finditer(pattern, text):
                        begin = whole.start + len(text[: match.start()].encode())
                        end = begin + len(match.group().encode())
                        line = whole.line + text[: match.start()].count("\n")
                        found.append(Fault(begin, end, new, line, f"SQL {match.group().strip()!r} -> {new.strip()!r}"))
    yield from sorted(set(found), key=lambda fault: (fault.start, fault.end, fault.text))


def with_fault(source: str, fault: Fault) -> str:
    """Return the source with the fault in it."""
    raw = source.encode()
    return (raw[: fault.start] + fault.text.encode() + raw[fault.end :]).decode()
