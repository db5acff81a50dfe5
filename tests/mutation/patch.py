# SPDX-License-Identifier: Apache-2.0
"""Putting a fault into a module that is imported already, so that everybody who imported from it runs the fault.

A function keeps its identity and gets the faulty code; a constant is bound anew wherever it is the same object under
the same name. What another module computed from a constant when it was imported keeps the right value.
"""

import inspect
import sys
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any


def put(module: ModuleType, source: str) -> list[str]:
    """Make ``module`` behave as ``source`` says; return the names that changed. Raises what the source raises."""
    made = ModuleType(module.__name__)
    given = ("__file__", "__package__", "__spec__", "_entered")
    made.__dict__.update({name: vars(module)[name] for name in given if name in vars(module)})
    exec(compile(source, str(module.__file__), "exec"), made.__dict__)
    return [name for name, new in vars(made).items() if not name.startswith("__") and _swap(module, name, new)]


def _swap(module: ModuleType, name: str, new: Any) -> bool:
    old = vars(module)[name]
    if isinstance(new, ModuleType) or getattr(new, "__module__", module.__name__) != module.__name__:
        return False
    if isinstance(new, FunctionType):
        return _swap_code(old, new)
    if isinstance(new, type):
        return _swap_class(old, new)
    if _same(old, new):
        return False
    for other in list(sys.modules.values()):
        if getattr(other, "__dict__", {}).get(name) is old:
            setattr(other, name, new)
    return True


def _same(old: Any, new: Any) -> bool:
    return bool(type(old) is type(new) and (old == new or repr(old) == repr(new)))


def _swap_code(old: FunctionType, new: FunctionType) -> bool:
    inner, faulty = inspect.unwrap(old), inspect.unwrap(new)
    changed = (inner.__code__, inner.__defaults__, inner.__kwdefaults__) != (
        faulty.__code__,
        faulty.__defaults__,
        faulty.__kwdefaults__,
    )
    inner.__code__, inner.__defaults__, inner.__kwdefaults__ = (
        faulty.__code__,
        faulty.__defaults__,
        faulty.__kwdefaults__,
    )
    return changed


def _swap_class(old: type, new: type) -> bool:
    changed = False
    for name, value in vars(new).items():
        if isinstance(value, FunctionType):
            changed |= _swap_code(vars(old)[name], value)
        elif name.startswith("__") or isinstance(value, MemberDescriptorType) or _same(vars(old)[name], value):
            continue
        else:
            setattr(old, name, value)
            changed = True
    return changed
