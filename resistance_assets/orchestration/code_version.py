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
import os
import re
import textwrap
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

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


class CodeVersion(str):
    """A code version that knows what it was made from, so that a change of it can be told by name.

    Attributes:
        pieces: function, class, package or other text -> short hash of it, or the package's version.
    """

    pieces: dict[str, str]

    def __new__(cls, digest: str, pieces: dict[str, str]) -> CodeVersion:
        made = super().__new__(cls, digest)
        made.pieces = pieces
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return CodeVersion, (str(self), self.pieces)


def code_version_of(*functions: Callable[..., Any], also: Iterable[str] = ()) -> CodeVersion:
    """Hash of the code that the functions reach inside this package.

    Args:
        functions: where the walk starts: functions, partials, methods or classes of this package, jitted ones included.
        also: further text that decides the result, such as the normalised text of a query.

    Returns:
        16 hexadecimal digits, with their pieces. The same for the same behaviour-deciding source and package versions.
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
    also = sorted(also)
    named = {name.removeprefix(f"{PACKAGE}."): _digest_of_text(text)[:8] for name, text in pieces.items()}
    named |= {f"package {name}": version for name, version in versions.items()}
    named |= {"further text": _digest(also)[:8]} if also else {}
    return CodeVersion(_digest([sorted(pieces.items()), versions, also]), named)


def sql_code_version(normalised: str) -> CodeVersion:
    """Code version of a SQL model from its normalised syntax tree; tied to the DuckDB release that computes it."""
    duckdb_version = importlib.metadata.version("duckdb")
    pieces = {"SQL": _digest(normalised)[:8], "package duckdb": duckdb_version}
    return CodeVersion(_digest([normalised, duckdb_version]), pieces)


def flat_parameters(parameters: Any) -> dict[str, str]:
    """Catalog parameters by dotted key, each value as JSON cut to what a person reads; a long one keeps its hash."""
    document = json.loads(json.dumps(parameters, default=_jsonable))
    found: dict[str, str] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
            for at, inner in enumerate(value):
                walk(f"{prefix}[{_name_of(inner) or at}]", inner)
        elif value is not None:
            text = json.dumps(value, sort_keys=True)
            found[prefix or "value"] = text if len(text) <= 80 else f"{text[:60]}... ({_digest(value)[:8]})"

    walk("", document)
    return found


def parameters_version(parameters: Any) -> str:
    """Hash of the catalog parameters that a step uses (anything that JSON can hold, in any order of keys)."""
    return _digest(parameters)


def _name_of(entry: Any) -> str | None:
    """What an entry of a list is called: a place in the list would shift when another entry comes or goes."""
    if not isinstance(entry, dict):
        return None
    names = [entry[key] for key in entry if key == "id" or key.endswith("_id")]
    return " ".join(str(name) for name in names if isinstance(name, str)) or None


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, default=_jsonable, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# Hundreds of steps share a few hundred functions.
_digest_of_text = functools.lru_cache(maxsize=4096)(_digest)


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
    tree = _node_of(item)
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
        elif isinstance(node, ast.Name) and _is_constant(node.id, value) and (stated := _stated(value)) is not None:
            constants.append((node.id, stated))
            reached.extend(_held(value))
    text = ast.dump(tree) + repr(sorted(set(constants)))
    return text, tuple(reached), frozenset(distributions)


def _is_constant(name: str, value: Any) -> bool:
    """Whether a value is fixed when its module is loaded; what can change is, where its name is in capitals."""
    return name.isupper() or not isinstance(value, list | set | Mapping)


def _stated(value: Any) -> str | None:
    """A constant as text, the same in every process; None for what is no plain value all through."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return repr(value)
    if isinstance(value, types.FunctionType | type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, pl.DataType):
        return repr(value)
    if isinstance(value, np.ndarray):
        return f"array({value.dtype}, {value.shape}, {hashlib.sha256(value.tobytes()).hexdigest()})"
    if isinstance(value, re.Pattern):
        return f"re.compile({value.pattern!r}, {value.flags})"
    if isinstance(value, Mapping):
        inner = [(_stated(key), _stated(one)) for key, one in value.items()]
        pairs = [f"{key}: {one}" for key, one in inner if key is not None and one is not None]
        return f"{{{', '.join(pairs)}}}" if len(pairs) == len(inner) else None
    if isinstance(value, tuple | list | set | frozenset):
        items = [_stated(one) for one in value]
        texts = [item for item in items if item is not None]
        if len(texts) < len(items):
            return None
        # Sets have no order, and show another one in each process.
        return f"{type(value).__name__}({', '.join(sorted(texts) if isinstance(value, set | frozenset) else texts)})"
    return None


def _held(value: Any) -> list[Any]:
    """Functions and classes of this package in a constant, such as a table of readers."""
    if isinstance(value, Mapping):
        return [found for one in value.values() for found in _held(one)]
    if isinstance(value, tuple | list | set | frozenset):
        return [found for one in value for found in _held(one)]
    own = _unwrap(value) if callable(value) else None
    return [own] if isinstance(own, types.FunctionType | type) and _top_level(own) == PACKAGE else []


def _node_of(item: Any) -> ast.AST:
    """Syntax of a function or class without docstrings; each file is parsed once, which saves seconds at load time."""
    code = getattr(item, "__code__", None)
    path = code.co_filename if code is not None else inspect.getsourcefile(item)
    known = _nodes_of_file(path) if path else {}
    if code is not None:
        node = known.get((item.__name__, code.co_firstlineno))
    else:
        node = known.get((item.__qualname__, 0))
    if node is None:  # a lambda, or something made at run time
        node = ast.parse(textwrap.dedent(inspect.getsource(item)))
        _strip_docstrings(node)
    return node


@functools.lru_cache(maxsize=512)
def _nodes_of_file(path: str) -> dict[tuple[str, int], ast.AST]:
    """Functions by name and first line (decorators included), classes by qualified name and 0; none of no file."""
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as handle:
        tree = ast.parse(handle.read())
    _strip_docstrings(tree)
    found: dict[tuple[str, int], ast.AST] = {}

    def collect(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            below = prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                found[child.name, first] = child
                below = f"{prefix}{child.name}.<locals>."
            elif isinstance(child, ast.ClassDef):
                found[f"{prefix}{child.name}", 0] = child
                below = f"{prefix}{child.name}."
            collect(child, below)

    collect(tree, "")
    return found


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
