# SPDX-License-Identifier: Apache-2.0
"""What refuses is a sentence of the catalogue: a bare string would stay English for whoever asked in French."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from aion.errors import DomainError

ROOT = Path(__file__).resolve().parents[2]
APPS = ("aion", "billing", "clusters", "marketplace")
# No product, or words for whoever sits at the machine's own terminal.
ELSEWHERE = {"migrations", "simulator", "local", "seed", "replay", "management"}
# Only workers meet these: they stand in logs and beside a cluster's state, in the language of the machine.
WORKERS = {"clusters/kube/client.py", "clusters/services/bells.py", "clusters/services/reconcile.py"}
# One line of a machine's batch: thousands at once, read by the collector that sent them.
LINES = {"Unreadable"}
MARKS = {"_", "gettext", "ngettext", "pgettext", "gettext_lazy", "ngettext_lazy"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """The refusals of one module, and where their words come from."""

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self.takers = dict(self._refusals())
        self.calls = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, Function)}
        self.home = {
            id(inner): outer for outer in self.functions.values() for inner in ast.walk(outer) if inner is not outer
        }

    def _refusals(self) -> Iterator[tuple[str, tuple[int, str]]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1] == "errors":
                there = import_module(node.module or "")
                for alias in node.names:
                    kind = getattr(there, alias.name)
                    if isinstance(kind, type) and issubclass(kind, DomainError):
                        yield alias.asname or alias.name, (0, "detail")
            elif isinstance(node, ast.ClassDef) and node.name not in LINES:
                fields = [one.target.id for one in node.body
                          if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]  # fmt: skip
                if "detail" in fields:
                    yield node.name, (fields.index("detail"), "detail")

    def bare(self) -> list[int]:
        """Return the lines of refusals whose words are no sentence of the catalogue."""
        wrong: set[int] = set()
        seen: set[str] = set()
        while set(self.takers) - seen:
            name = min(set(self.takers) - seen)
            seen.add(name)
            place, keyword = self.takers[name]
            for call in self.calls:
                if _name(call.func) == name:
                    given = [one.value for one in call.keywords if one.arg == keyword] or call.args[place : place + 1]
                    wrong |= {call.lineno for text in given if self._is_bare(text)}
        return sorted(wrong)

    def _is_bare(self, text: ast.expr) -> bool:
        if isinstance(text, ast.Constant):
            return isinstance(text.value, str) and text.value != ""
        if isinstance(text, ast.JoinedStr):
            return True
        if isinstance(text, ast.BinOp):
            return self._is_bare(text.left) or (isinstance(text.op, ast.Add) and self._is_bare(text.right))
        if isinstance(text, ast.IfExp):
            return self._is_bare(text.body) or self._is_bare(text.orelse)
        if isinstance(text, ast.BoolOp):
            return any(self._is_bare(one) for one in text.values)
        if isinstance(text, ast.Subscript):
            return self._is_bare(text.value)
        if isinstance(text, ast.Call):
            return self._is_bare_answer(text)
        return isinstance(text, ast.Name) and self._is_bare_name(text)

    def _is_bare_answer(self, call: ast.Call) -> bool:
        name = _name(call.func)
        if name in MARKS:
            return False
        if name == "str" or (isinstance(call.func, ast.Attribute) and name in {"format", "join"}):
            inner = call.args[:1] if name == "str" else [call.func.value]  # type: ignore[attr-defined]  # an Attribute
            return any(self._is_bare(one) for one in inner)
        made = self.functions.get(name)
        returns = [one.value for one in ast.walk(made) if isinstance(one, ast.Return) and one.value] if made else []
        return any(self._is_bare(one) for one in returns)

    def _is_bare_name(self, text: ast.Name) -> bool:
        function = self.home.get(id(text))
        if function is not None:
            names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
            only = [one.arg for one in function.args.kwonlyargs]
            if text.id in names + only:
                # The words are the caller's: calls of this function are judged like refusals.
                self.takers[function.name] = (names.index(text.id) if text.id in names else len(names), text.id)
                return False
        here = [node for scope in (function, self.tree) if scope is not None for node in ast.walk(scope)]
        given = [node.value for node in here if isinstance(node, ast.Assign)
                 and any(isinstance(one, ast.Name) and one.id == text.id for one in node.targets)
                 and self.home.get(id(node)) in {function, None}]  # fmt: skip
        return any(self._is_bare(value) for value in given)


def _name(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def test_every_refusal_is_a_sentence_of_the_catalogue() -> None:
    bare = {
        f"{path.relative_to(ROOT)}:{line}"
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if not ELSEWHERE & set(path.relative_to(ROOT).parts) and str(path.relative_to(ROOT)) not in WORKERS
        for line in Module(path.read_text(encoding="utf-8")).bare()
    }
    assert bare == set()


def test_only_modules_of_workers_that_need_it_are_spared() -> None:
    assert {path for path in WORKERS if not Module((ROOT / path).read_text(encoding="utf-8")).bare()} == set()


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ('raise Rejected("No.")', [3]),
        ('raise Rejected(f"No {x}.", field="x")', [3]),
        ('raise Rejected("No %(x)s." % {"x": x})', [3]),
        ('raise Rejected(detail="No.")', [3]),
        ('why = "No."\n    raise Rejected(why)', [4]),
        ('raise Rejected(gettext("No.") if x else "Never.")', [3]),
        ('return x\ndef g(why):\n    raise Rejected(why)\ng("No.")', [6]),
        ('return x\ndef g():\n    return "No."\nraise Rejected(g())', [6]),
        ('raise Rejected(gettext("No %(x)s.") % {"x": f"{x}"}, field="x")', []),
        ('raise Rejected(field="x")', []),
        ('why = gettext("No.")\n    raise Rejected(why)', []),
    ],
)
def test_a_refusal_in_bare_words_is_found(body: str, lines: list[int]) -> None:
    assert Module(f"from aion.errors import Rejected\ndef f(x):\n    {body}\n").bare() == lines
