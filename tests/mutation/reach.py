# SPDX-License-Identifier: Apache-2.0
"""Which tests enter which functions, so that a fault is shown only to tests that can notice it."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Functions = ast.FunctionDef | ast.AsyncFunctionDef
Entered = set[tuple[str, str]]
# These register themselves when they are loaded, so they cannot be loaded a second time to be watched.
UNWATCHED = re.compile(r"/(admin|api|models|portal|migrations|management)/|/(apps|tasks|checks)\.py$")


def functions(tree: ast.Module) -> Iterator[Functions]:
    """Yield the functions of a module and of its classes; what they define inside belongs to them."""
    for node in tree.body:
        if isinstance(node, Functions):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from (one for one in node.body if isinstance(one, Functions))


def mentioned(node: ast.AST) -> set[str]:
    """Return the names that a piece of code mentions, bare or behind a dot."""
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return found | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def watched(users: set[str]) -> set[str]:
    """Return those of the modules ``users`` whose functions can tell that they are entered."""
    return {user for user in users if not UNWATCHED.search(user)}


def entries(path: str, source: str, line: int, users: set[str]) -> Entered | None:
    """Return the functions through which a fault on ``line`` of ``path`` can be felt; None where that is unknown.

    A function by itself; a constant by all functions of ``users`` that mention it or a constant made from it; a line
    of a class by every function of them.
    """
    tree = ast.parse(source)
    found: Entered = {(path, one.name) for one in functions(tree) if one.lineno <= line <= (one.end_lineno or 0)}
    statement = next(one for one in tree.body if one.lineno <= line <= (one.end_lineno or 0))
    whole = {user: ast.parse((ROOT / user).read_text(encoding="utf-8")) for user in users}
    if isinstance(statement, ast.ClassDef):
        return found or {(user, one.name) for user, code in whole.items() for one in functions(code)}
    names = {statement.name} if isinstance(statement, Functions) else _bound(statement)
    if found:
        names = {name for one in tree.body if names & mentioned(one) for name in _bound(one)}
    for one in tree.body:
        if names & mentioned(one):
            names |= _bound(one)
    if any(isinstance(one, ast.ClassDef) and names & mentioned(one) for code in whole.values() for one in code.body):
        return None
    if any(names & mentioned(whole[user]) for user in users - watched(users)):
        return None
    return found | {
        (user, one.name) for user, code in whole.items() for one in functions(code) if names & mentioned(one)
    }


def _bound(statement: ast.stmt) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {part.id for target in targets if target for part in ast.walk(target) if isinstance(part, ast.Name)}


def importers(path: str) -> set[str]:
    """Return the product's modules that may use ``path``: itself, and every one that imports and names it."""
    stem = Path(path).stem
    word = re.compile(rf"^(from|import) .*\b{stem}\b", re.MULTILINE)
    found = {path}
    for module in list(sys.modules.values()):
        file = Path(getattr(module, "__file__", None) or "/")
        if not file.is_relative_to(ROOT) or file.suffix != ".py":
            continue
        inside = str(file.relative_to(ROOT))
        if inside.startswith(("aion/", "billing/", "clusters/", "marketplace/")) and word.search(
            file.read_text("utf-8")
        ):
            found.add(inside)
    return found


def telling(path: str, source: str) -> str:
    """Return ``source`` with every function saying first that it is entered, to the set ``_entered`` of its module."""
    tree = ast.parse(source)
    for node in functions(tree):
        node.body.insert(0, ast.parse(f"_entered.add({(path, node.name)!r})").body[0])
    return ast.unparse(ast.fix_missing_locations(tree))
