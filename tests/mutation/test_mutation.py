# SPDX-License-Identifier: Apache-2.0
"""A fault is in everything that runs the module, and its list of faults holds those that cost money."""

import sys
from types import ModuleType

import pytest

from tests.mutation.faults import faults, with_fault
from tests.mutation.patch import put

SOURCE = '''
from functools import wraps
LIMIT = 10
SQL = """
SELECT least(a, b) FROM t WHERE a > 0 AND b < 9
ORDER BY a DESC, b
"""

def again(function):
    @wraps(function)
    def outer(*words):
        return function(*words)
    return outer

@again
def room(spent, extra=1):
    return LIMIT - spent - extra

class Scale:
    step = 2
    def up(self, value):
        return value + self.step
'''


@pytest.fixture
def module(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType("tests.mutation.made")
    made.__file__ = f"{tmp_path}/made.py"
    exec(SOURCE, made.__dict__)
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


def mutants() -> dict[str, str]:
    return {fault.what: with_fault(SOURCE, fault) for fault in faults(SOURCE)}


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("10 -> 11", (7, 6, 11)),
        ("LIMIT - spent -> (LIMIT) + (spent)", (12, 6, 10)),
        ("1 -> 2", (5, 6, 10)),
        ("2 -> 3", (6, 7, 10)),
        ("value + self.step -> (value) - (self.step)", (6, 2, 10)),
    ],
)
def test_a_fault_reaches_those_who_imported_before_it(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, fault: str, answer: tuple[int, int, int]
) -> None:
    other = ModuleType("tests.mutation.other")
    room, scale, other.LIMIT = module.room, module.Scale(), module.LIMIT  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, other.__name__, other)
    assert (room(3), scale.up(4), other.LIMIT) == (6, 6, 10)
    assert put(module, mutants()[fault]) != []
    assert (room(3), scale.up(4), other.LIMIT) == answer


def test_a_source_without_a_fault_changes_nothing(module: ModuleType) -> None:
    assert put(module, SOURCE) == []


def test_faults_are_made_inside_sql_too() -> None:
    told = {what for what in mutants() if what.startswith("SQL")}
    assert told >= {
        "SQL 'least(' -> 'greatest('", "SQL '>' -> '>='", "SQL '<' -> '<='", "SQL 'DESC' -> 'ASC'", "SQL '0' -> '1'",
        "SQL 'AND b < 9' -> ''", "SQL 'ORDER BY a DESC,' -> 'ORDER BY'",
    }  # fmt: skip
