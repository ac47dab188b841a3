"""Code versions: a hash of everything in this package that decides a result, never bumped by hand.

Here belongs the walk from a function to the functions, classes and constants of this package that it uses. Comments,
docstrings, white space and names of files do not count; the versions of the packages that decide numbers do.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import importlib
import importlib.metadata
import inspect
import json
import textwrap
import types
from collections.abc import Callable, Iterable
from typing import Any

PACKAGE = "resistance_assets"

# Import name -> distributions whose release can change a number. polars and pandas carry frames and are left out;
# what SQL computes is tied to DuckDB through `sql_code_version`.
NUMERIC_DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "numpy": ("numpy",),
    "scipy": ("numpy", "scipy"),
    "numba": ("numpy", "numba"),
    "statsmodels": ("numpy", "scipy", "statsmodels"),
    "lifelines": ("numpy", "scipy", "lifelines"),
    "pydeseq2": ("numpy", "scipy", "scikit-learn", "pydeseq2"),
}


def code_version_of(*functions: Callable[..., Any], also: Iterable[str] = ()) -> str:
    """Hash of the code that the functions reach inside this package.

    Args:
        functions: where the walk starts: functions, partials, methods or classes of this package, jitted ones included.
        also: further text that decides the result, such as the normalised text of a query.

    Returns:
        16 hexadecimal digits. The same for the same behaviour-deciding source and package versions.
    """
    pieces: dict[str, str] = {}
    distributions: set[str] = set()
    waiting: list[Any] = list(functions)
    while waiting:
        item = _unwrap(waiting.pop())
        if isinstance(item, functools.partial):
            waiting.append(item.func)
            continue
        name = f"{getattr(item, '__module__', '')}.{getattr(item, '__qualname__', '')}"
        if name in pieces:
            continue
        text, reached, used = _anatomy(item)
        pieces[name] = text
        distributions.update(used)
        waiting.extend(reached)
    versions = {name: importlib.metadata.version(name) for name in sorted(distributions)}
    return _digest([sorted(pieces.items()), versions, sorted(also)])


def sql_code_version(normalised: str) -> str:
    """Code version of a SQL model from its normalised syntax tree; tied to the DuckDB release that computes it."""
    return _digest([normalised, importlib.metadata.version("duckdb")])


def parameters_version(parameters: Any) -> str:
    """Hash of the catalog parameters that a step uses (anything that JSON can hold, in any order of keys)."""
    return _digest(parameters)


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, default=_jsonable, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _jsonable(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def _unwrap(item: Any) -> Any:
    if hasattr(item, "py_func"):  # a numba dispatcher
        item = item.py_func
    if isinstance(item, types.MethodType):
        item = item.__func__
    return inspect.unwrap(item) if callable(item) and not isinstance(item, functools.partial) else item


@functools.lru_cache(maxsize=4096)
def _anatomy(item: Any) -> tuple[str, tuple[Any, ...], frozenset[str]]:
    """Normalised source of one function or class, what it reaches in this package, and which distributions it uses."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(item)))
    _strip_docstrings(tree)
    namespace: dict[str, Any] = dict(vars(inspect.getmodule(item)) if inspect.getmodule(item) else {})
    captured: dict[str, Any] = {}
    if isinstance(item, types.FunctionType):
        namespace = dict(item.__globals__)
        if item.__closure__:
            for name, cell in zip(item.__code__.co_freevars, item.__closure__, strict=True):
                with_value = _cell_value(cell)
                if callable(with_value):
                    captured[name] = with_value
    namespace.update(captured)

    reached: list[Any] = []
    constants: list[tuple[str, str]] = []
    distributions: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = _module(alias.name)
                if module is not None:
                    namespace[alias.asname or alias.name.split(".")[0]] = (
                        module if alias.asname else _module(alias.name.split(".")[0])
                    )
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            module = _module(node.module)
            for alias in node.names:
                value = getattr(module, alias.name, None)
                if value is None and module is not None:
                    value = _module(f"{node.module}.{alias.name}")
                namespace[alias.asname or alias.name] = value
    for node in ast.walk(tree):
        value = _resolve(node, namespace)
        if value is None:
            continue
        value = _unwrap(value)
        top = _top_level(value)
        if top in NUMERIC_DISTRIBUTIONS:
            distributions.update(NUMERIC_DISTRIBUTIONS[top])
        elif top == PACKAGE and not isinstance(value, types.ModuleType):
            if isinstance(value, types.FunctionType | type):
                reached.append(value)
        elif isinstance(value, bool | int | float | str | bytes | tuple | frozenset) and isinstance(node, ast.Name):
            constants.append((node.id, repr(value)))
    text = ast.dump(tree) + repr(sorted(set(constants)))
    return text, tuple(reached), frozenset(distributions)


def _resolve(node: ast.AST, namespace: dict[str, Any]) -> Any:
    """The global object that a name or a dotted name stands for, if it stands for one."""
    if isinstance(node, ast.Name):
        return None if hasattr(builtins, node.id) else namespace.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, namespace)
        if isinstance(owner, types.ModuleType | type):
            return getattr(owner, node.attr, None)
    return None


def _top_level(value: Any) -> str:
    name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", "") or ""
    return name.split(".")[0]


def _module(name: str) -> types.ModuleType | None:
    # Only what can matter is imported: this package, and the numeric packages that a function imports late anyway.
    top = name.split(".")[0]
    if top == PACKAGE:
        return importlib.import_module(name)
    if top in NUMERIC_DISTRIBUTIONS:
        stand_in = types.ModuleType(top)
        return stand_in
    return None


def _cell_value(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None


def _strip_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            node.body = body[1:] or [ast.Pass()]
