"""Code versions: a hash of everything in this package that decides a result, never bumped by hand.

Here belongs the walk from a function to the functions, classes and constants of this package that it uses. The hash is
a Merkle hash: a function's own normalised text with, in place of each reference, the digest of what is referred to.
Comments, docstrings, white space, annotations, and the modules in which code stands do not count; the versions of the
packages that decide numbers do.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
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
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from resistance_assets.orchestration.package_hash import kept_beside_the_package

PACKAGE = __name__.partition(".")[0]

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
        16 hexadecimal digits, with their pieces. The same for the same behaviour-deciding source and package versions,
        wherever in the package the code stands.
    """
    entries = [
        _unwrap(function.func if isinstance(function, functools.partial) else function) for function in functions
    ]
    also = sorted(also)
    known_as = _digest([sorted(map(_identity_of, entries)), also]) if _KNOWN is not None else None
    if _KNOWN is not None and known_as in _KNOWN:
        return CodeVersion(*_KNOWN[known_as])
    made = _code_version_of(entries, also)
    if _KNOWN is not None and known_as is not None:
        _KNOWN[known_as] = [str(made), made.pieces]
    return made


@contextlib.contextmanager
def known_code_versions() -> Iterator[None]:
    """Within the block, code versions are taken from what an earlier process found of the same code.

    Reading and hashing the code of all steps costs 5 s of CPU, and a run in several processes does it in each.
    """
    global _KNOWN
    if _KNOWN is not None:
        yield
        return
    distributions = {name for names in NUMERIC_DISTRIBUTIONS.values() for name in names}
    with kept_beside_the_package("code_versions", distributions) as known:
        _KNOWN = known
        try:
            yield
        finally:
            _KNOWN = None


_KNOWN: dict[str, Any] | None = None


def _identity_of(item: Any) -> str:
    """Which function or class it is, and over which functions it was closed: within one state of the code, enough."""
    if not isinstance(item, types.FunctionType):
        return f"{getattr(item, '__module__', '')}:{_own_name(item)}"
    code = item.__code__
    held = {
        name: "value" if value is _CAPTURED_VALUE else _identity_of_captured(value)
        for name, value in _captured(item).items()
    }
    where = [item.__module__, item.__qualname__, code.co_firstlineno, hashlib.sha256(code.co_code).hexdigest()]
    return _digest([*where, held])


def _identity_of_captured(value: Any) -> Any:
    if isinstance(value, functools.partial):
        return [_identity_of(_unwrap(value.func)), repr(value.args), repr(value.keywords)]
    return _identity_of(value)


def _code_version_of(entries: list[Any], also: list[str]) -> CodeVersion:
    reached = _reached_from(entries)
    distributions = {name for item in reached for name in _anatomy(item).distributions}
    versions = {name: importlib.metadata.version(name) for name in sorted(distributions)}
    texts: dict[str, list[str]] = {}
    for item in reached:
        texts.setdefault(_name_for_people(item), []).append(_anatomy(item).own_digest)
    pieces = {name: own[0][:8] if len(own) == 1 else _digest(sorted(own))[:8] for name, own in texts.items()}
    pieces |= {f"package {name}": version for name, version in versions.items()}
    pieces |= {"further text": _digest(also)[:8]} if also else {}
    return CodeVersion(_digest([sorted(_merkle_digest(entry) for entry in entries), versions, also]), pieces)


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


def _jsonable(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def _unwrap(item: Any) -> Any:
    if type(item).__module__.partition(".")[0] == "numba" and hasattr(item, "py_func"):  # a compiled function
        item = item.py_func
    if isinstance(item, types.MethodType):
        item = item.__func__
    return inspect.unwrap(item) if callable(item) and not isinstance(item, functools.partial) else item


@dataclasses.dataclass(frozen=True, eq=False)
class _Anatomy:
    """What one function or class is made of.

    Attributes:
        text: dump of its normalised syntax, each reference into the package replaced by `name@place in references`.
        references: functions, classes and modules of this package that it refers to, in order of appearance.
        constants: form of each module constant that it uses (see `_form_of`), marked as `name#place` in the text.
        origins: local name -> dotted name of each thing that it uses from another package, as the import wrote it.
        distributions: distributions whose release can change its result.
    """

    text: str
    references: tuple[Any, ...]
    constants: tuple[Any, ...]
    origins: Mapping[str, str]
    distributions: frozenset[str]

    @functools.cached_property
    def own_digest(self) -> str:
        """Digest of its own text and constants, with what it refers to by name alone."""
        constants = [_filled(form, _own_name) for form in self.constants]
        return _digest([self.text, constants, dict(self.origins)])

    @functools.cached_property
    def neighbours(self) -> tuple[Any, ...]:
        """Everything of this package that it refers to, through its constants as well."""
        found = dict.fromkeys(self.references)
        for form in self.constants:
            found.update(dict.fromkeys(_items_in(form)))
        return tuple(found)

    def digest(self, digest_of: Callable[[Any], str]) -> str:
        constants = [_filled(form, digest_of) for form in self.constants]
        return _digest([self.text, [digest_of(item) for item in self.references], constants, dict(self.origins)])


class _Reference:
    """A function, class or module of this package inside the form of a constant."""

    def __init__(self, item: Any) -> None:
        self.item = item


def _reached_from(entries: Iterable[Any]) -> list[Any]:
    found: dict[Any, None] = {}
    waiting = list(entries)
    while waiting:
        item = waiting.pop()
        if item not in found:
            found[item] = None
            waiting.extend(_anatomy(item).neighbours)
    return list(found)


_DIGESTS: dict[Any, str] = {}


def _merkle_digest(entry: Any) -> str:
    """Digest of an item over everything that it reaches; functions that call each other are digested as one group.

    Groups are found by Tarjan's algorithm, callees before callers.
    """
    order: dict[Any, int] = {}
    lowest: dict[Any, int] = {}
    open_items: list[Any] = []

    def visit(item: Any) -> None:
        order[item] = lowest[item] = len(order)
        open_items.append(item)
        for neighbour in _anatomy(item).neighbours:
            if neighbour in _DIGESTS:
                continue
            if neighbour not in order:
                visit(neighbour)
            lowest[item] = min(lowest[item], lowest[neighbour])
        if lowest[item] == order[item]:
            group = open_items[open_items.index(item) :]
            del open_items[-len(group) :]
            _DIGESTS.update(_digests_of_group(group))

    if entry not in _DIGESTS:
        visit(entry)
    return _DIGESTS[entry]


def _digests_of_group(group: list[Any]) -> dict[Any, str]:
    """Digests of functions that reach each other: their texts, refined by each other's as often as there are members.

    Neither where the walk began nor where the functions stand takes part.
    """
    members = set(group)
    labels = dict.fromkeys(group, "recursion")
    is_recursive = len(group) > 1 or group[0] in _anatomy(group[0]).neighbours
    for _ in range(len(group) + 1 if is_recursive else 1):
        known = dict(labels)
        labels = {
            item: _anatomy(item).digest(
                lambda other, known=known: known[other] if other in members else _DIGESTS[other]
            )
            for item in group
        }
    return labels


def _anatomy(item: Any) -> _Anatomy:
    """Anatomy of a function, class or module; closures over the same functions share one."""
    if isinstance(item, types.FunctionType):
        captured = _captured(item)
        key = (item.__code__, id(item.__globals__), tuple((name, value) for name, value in captured.items()))
    else:
        captured, key = {}, (item,)
    if key not in _ANATOMIES:
        # With the item, so that no other globals come to stand where its own stood.
        _ANATOMIES[key] = item, _dissect(item, captured)
    return _ANATOMIES[key][1]


_ANATOMIES: dict[Any, tuple[Any, _Anatomy]] = {}
_CAPTURED_VALUE = object()


def forget_code() -> None:
    """Forget what was learnt of functions: for code that changes while the process runs."""
    _ANATOMIES.clear()
    _DIGESTS.clear()
    _file_of.cache_clear()


def _captured(item: types.FunctionType) -> dict[str, Any]:
    """What a closure holds: functions as they are, anything else (it belongs into the parameters) as one mark."""
    held: dict[str, Any] = {}
    for name, cell in zip(item.__code__.co_freevars, item.__closure__ or (), strict=True):
        try:
            value = _unwrap(cell.cell_contents)
        except ValueError:  # not yet filled
            value = None
        is_code = isinstance(value, types.FunctionType | type | functools.partial)
        held[name] = value if is_code else _CAPTURED_VALUE
    return held


def _dissect(item: Any, captured: Mapping[str, Any]) -> _Anatomy:
    if isinstance(item, types.ModuleType):
        own = [
            value
            for value in map(_unwrap, vars(item).values())
            if isinstance(value, types.FunctionType | type) and value.__module__ == item.__name__
        ]
        own = list(dict.fromkeys(own))
        return _Anatomy("module", tuple(sorted(own, key=lambda one: one.__qualname__)), (), {}, frozenset())
    file = _file_of(_path_of(item))
    namespace = dict(
        item.__globals__ if isinstance(item, types.FunctionType) else vars(inspect.getmodule(item) or item)
    )
    reader = _References(namespace, file.imports if file else {}, captured)
    tree = reader.visit(_node_of(item))
    return _Anatomy(
        ast.dump(tree),
        tuple(reader.references),
        tuple(reader.constants),
        dict(sorted(reader.origins.items())),
        frozenset(reader.distributions),
    )


class _References(ast.NodeTransformer):
    """Copy of a syntax tree in which every reference into the package is marked and counted.

    Names are looked up as Python does: what a function binds itself hides what its module holds under that name.
    """

    def __init__(
        self, namespace: Mapping[str, Any], imports: Mapping[str, str], captured: Mapping[str, Any] | None = None
    ) -> None:
        self.namespace = namespace
        self.imports = imports
        self.references: list[Any] = []
        self.constants: list[Any] = []
        self.place_of_constant: dict[tuple[str, int], int] = {}
        self.origins: dict[str, str] = {}
        self.distributions: set[str] = set()
        # From the outermost: name -> what it is, or _CAPTURED_VALUE for a value of its own.
        self.scopes: list[tuple[bool, dict[str, Any]]] = [(False, dict(captured or {}))]

    def generic_visit(self, node: ast.AST) -> ast.AST:
        # A copy: trees of files are shared by everybody.
        fields: dict[str, Any] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                visited = [self.visit(one) if isinstance(one, ast.AST) else one for one in value]
                fields[name] = [one for one in visited if one is not None]
            else:
                fields[name] = self.visit(value) if isinstance(value, ast.AST) else value
        return type(node)(**fields)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if not isinstance(node.ctx, ast.Load):
            return ast.Name(node.id, node.ctx)
        known, value = self._look_up(node.id)
        return self._marked(node.id, value) if known else ast.Name(node.id, node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        owner = self._value_of(node.value)
        if isinstance(owner, types.ModuleType) and _is_own(owner) and hasattr(owner, node.attr):
            return self._marked(node.attr, getattr(owner, node.attr))
        if isinstance(owner, types.ModuleType) and _is_own(owner):
            submodule = _own_module(f"{owner.__name__}.{node.attr}")
            if submodule is not None:
                return self._marked(node.attr, submodule)
        return self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        outside = [
            ast.List([self.visit(one) if one is not None else ast.Constant(None) for one in nodes])
            for nodes in (node.decorator_list, node.args.defaults, node.args.kw_defaults)
        ]
        self.scopes.append((False, _bound_in(node)))
        body = self._block(node.body)
        self.scopes.pop()
        given = node.args
        arguments = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
        names = [argument.arg if argument else None for argument in arguments]
        counts = (len(given.posonlyargs), len(given.args), len(given.kwonlyargs))
        signature = ast.Constant(repr((names, counts)))
        kind = ast.Name(type(node).__name__)
        return ast.Call(kind, [ast.Constant(node.name), signature, *outside, ast.List(body)], [])

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        defaults = [self.visit(one) for one in (*node.args.defaults, *filter(None, node.args.kw_defaults))]
        self.scopes.append((False, _bound_in(node)))
        body = self.visit(node.body)
        self.scopes.pop()
        fields: dict[str, Any] = {
            name: [] if "defaults" in name else value for name, value in ast.iter_fields(node.args)
        }
        names = ast.dump(ast.arguments(**fields))
        return ast.Call(ast.Name("Lambda"), [ast.Constant(names), *defaults, body], [])

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outside = [self.visit(one) for one in (*node.decorator_list, *node.bases, *node.keywords)]
        self.scopes.append((True, _bound_in(node)))
        body = self._block(node.body)
        self.scopes.pop()
        return ast.Call(ast.Name("ClassDef"), [ast.Constant(node.name), ast.List(outside), ast.List(body)], [])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if self.scopes[-1][0]:  # a field of a class: its type decides what it takes
            return self.generic_visit(node)
        if node.value is None:
            return None
        return ast.Assign([self.visit(node.target)], self.visit(node.value))

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return self._comprehension(node)
        return super().visit(node)

    def _comprehension(self, node: Any) -> ast.AST:
        # The first iterable is evaluated outside; whether a name of it is hidden by a target hardly ever matters.
        bound = dict.fromkeys(
            (name.id for part in node.generators for name in ast.walk(part.target) if isinstance(name, ast.Name)),
            _CAPTURED_VALUE,
        )
        first = self.visit(node.generators[0].iter)
        self.scopes.append((False, bound))
        copy = self.generic_visit(node)
        self.scopes.pop()
        copy.generators[0].iter = first  # pyright: ignore[reportAttributeAccessIssue]
        return copy

    def _block(self, body: list[ast.stmt]) -> list[Any]:
        if body and isinstance(body[0], ast.Expr) and _is_text(body[0].value):
            body = body[1:]  # a docstring
        visited = [self.visit(statement) for statement in body]
        return [one for one in visited if one is not None and not isinstance(one, ast.Pass)]

    def _look_up(self, name: str) -> tuple[bool, Any]:
        """Whether a name stands for something outside the function, and for what."""
        for place, (is_class, scope) in enumerate(reversed(self.scopes)):
            if is_class and place:
                continue  # methods do not see the names of their class
            if name in scope:
                value = scope[name]
                if value is _CAPTURED_VALUE:
                    return False, None
                if isinstance(value, str):  # an import inside the function
                    return self._imported(name, value)
                return True, value
        if name in self.imports and self._is_from_elsewhere(name, self.imports[name]):
            return False, None
        return name in self.namespace and not (name.startswith("__") and name.endswith("__")), self.namespace.get(name)

    def _imported(self, name: str, dotted: str) -> tuple[bool, Any]:
        if self._is_from_elsewhere(name, dotted):
            return False, None
        owner, _, attribute = dotted.rpartition(".")
        module = _own_module(owner) if owner else None
        return True, getattr(module, attribute, None) or _own_module(dotted)

    def _is_from_elsewhere(self, name: str, dotted: str) -> bool:
        """Whether a name was imported from another package; noted, so that another import of it is another version."""
        top = dotted.partition(".")[0]
        if top == PACKAGE:
            return False
        self.origins[name] = dotted
        self.distributions.update(NUMERIC_DISTRIBUTIONS.get(top, ()))
        return True

    def _value_of(self, node: ast.AST) -> Any:
        """The module that a name or dotted name stands for, if it stands for one."""
        if isinstance(node, ast.Name):
            known, value = self._look_up(node.id)
            return value if known else None
        if isinstance(node, ast.Attribute):
            owner = self._value_of(node.value)
            if isinstance(owner, types.ModuleType) and _is_own(owner):
                return getattr(owner, node.attr, None) or _own_module(f"{owner.__name__}.{node.attr}")
        return None

    def _marked(self, name: str, value: Any) -> ast.AST:
        value = _unwrap(value)
        if isinstance(value, types.FunctionType | type | types.ModuleType):
            if not _is_own(value):
                return ast.Name(name, ast.Load())
            if value not in self.references:
                self.references.append(value)
            return ast.Name(f"{name}@{self.references.index(value)}", ast.Load())
        place = self.place_of_constant.get((name, id(value)))
        if place is None and _is_constant(name, value) and (form := _form_of(value)) is not None:
            place = self.place_of_constant[name, id(value)] = len(self.constants)
            self.constants.append(form)
        return ast.Name(name if place is None else f"{name}#{place}", ast.Load())


def _bound_in(scope: ast.AST) -> dict[str, Any]:
    """Names that a function, lambda or class binds itself; an import as the dotted name that it imports."""
    bound: dict[str, Any] = {}
    elsewhere: set[str] = set()
    if not isinstance(scope, ast.ClassDef):
        arguments = scope.args  # pyright: ignore[reportAttributeAccessIssue]
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        bound.update((argument.arg, _CAPTURED_VALUE) for argument in given if argument)
    body = scope.body  # pyright: ignore[reportAttributeAccessIssue]
    waiting: list[ast.AST] = list(body) if isinstance(body, list) else [body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound[node.name] = _CAPTURED_VALUE
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            walrus = (one.target for one in ast.walk(node) if isinstance(one, ast.NamedExpr))
            bound.update((target.id, _CAPTURED_VALUE) for target in walrus)
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound[node.id] = _CAPTURED_VALUE
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound[node.name] = _CAPTURED_VALUE
        elif isinstance(node, ast.Global | ast.Nonlocal):
            elsewhere.update(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update(_imports_of(node))
        waiting.extend(ast.iter_child_nodes(node))
    return {name: value for name, value in bound.items() if name not in elsewhere}


def _imports_of(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Local name -> dotted name of what an import statement binds."""
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name.partition(".")[0]: alias.name if alias.asname else
                alias.name.partition(".")[0] for alias in node.names}  # fmt: skip
    return {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names} if not node.level else {}


def _is_constant(name: str, value: Any) -> bool:
    """Whether a value is fixed when its module is loaded; what can change is, where its name is in capitals."""
    return name.isupper() or not isinstance(value, list | set | Mapping)


_PLAIN = (bool, int, float, complex, str, bytes, range, datetime.date, datetime.timedelta, decimal.Decimal,
          fractions.Fraction)  # fmt: skip


def _form_of(value: Any) -> Any:
    """A constant as text and nested lists of kind and members, the same in every process.

    Functions and classes of this package stand in it as `_Reference`. None for what is not fixed all through, and for
    tables and records of the catalog, which reach a step as its outputs and parameters.
    """
    value = _unwrap(value)
    if isinstance(value, enum.Enum):
        return ["member", _Reference(type(value)) if _is_own(type(value)) else type(value).__qualname__, value.name]
    if value is None or value is Ellipsis or isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, types.FunctionType | type | types.ModuleType | types.BuiltinFunctionType):
        if not isinstance(value, types.BuiltinFunctionType) and _is_own(value):
            return _Reference(value)
        return f"{_top_level(value)}.{getattr(value, '__qualname__', value.__name__)}"
    if isinstance(value, re.Pattern):
        return f"re.compile({value.pattern!r}, {value.flags})"
    if isinstance(value, functools.partial):
        return _all_or_none("partial", [_form_of(one) for one in (value.func, value.args, dict(value.keywords))])
    if isinstance(value, Mapping):
        return _all_or_none("map", [_form_of(one) for pair in value.items() for one in pair])
    if isinstance(value, tuple | list):
        return _all_or_none(type(value).__name__, [_form_of(one) for one in value])
    if isinstance(value, set | frozenset):
        return _all_or_none("set", [_form_of(one) for one in value])
    if dataclasses.is_dataclass(value) and _is_own(type(value)) and not _is_of_the_catalog(type(value)):
        fields = [_form_of(getattr(value, field.name, None)) for field in dataclasses.fields(value)]
        return ["object", _Reference(type(value)), *("" if field is None else field for field in fields)]
    return _form_of_array(value)


def _form_of_array(value: Any) -> Any:
    top = type(value).__module__.partition(".")[0]
    if top == "polars" and any(base.__name__ in ("DataType", "Expr") for base in type(value).__mro__):
        return str(value)
    if top == "numpy" and hasattr(value, "tobytes") and value.dtype.hasobject:
        # The bytes are addresses in memory, other ones in each process.
        return _all_or_none("objects", [_form_of(value.shape), _form_of(value.tolist())])
    if top == "numpy" and hasattr(value, "tobytes"):
        content = hashlib.sha256(value.tobytes()).hexdigest()
        return f"array({value.dtype}, {value.shape}, {content})"
    return None


def _all_or_none(kind: str, members: list[Any]) -> Any:
    return None if any(member is None for member in members) else [kind, *members]


def _filled(form: Any, digest_of: Callable[[Any], str]) -> Any:
    """A constant's form with digests in place of references; members of a set in the order of what stands for them."""
    if isinstance(form, _Reference):
        return digest_of(form.item)
    if isinstance(form, list):
        kind, *members = form
        filled = [_filled(member, digest_of) for member in members]
        return [kind, *(sorted(filled, key=_digest) if kind == "set" else filled)]
    return form


def _items_in(form: Any) -> list[Any]:
    if isinstance(form, _Reference):
        return [form.item]
    return [item for member in form for item in _items_in(member)] if isinstance(form, list) else []


def _own_name(item: Any) -> str:
    return getattr(item, "__qualname__", "module")


def _name_for_people(item: Any) -> str:
    if isinstance(item, types.ModuleType):
        return f"module {item.__name__.rpartition('.')[2]}"
    return item.__qualname__.replace(".<locals>", "")


def _is_own(item: Any) -> bool:
    return _top_level(item) == PACKAGE


def _is_of_the_catalog(kind: type) -> bool:
    return kind.__module__.startswith(f"{PACKAGE}.catalog.")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _top_level(value: Any) -> str:
    name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", "") or ""
    return name.partition(".")[0]


def _own_module(name: str) -> types.ModuleType | None:
    """A module of this package, imported where it is not yet."""
    if name.partition(".")[0] != PACKAGE:
        return None
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise


def _path_of(item: Any) -> str:
    code = getattr(item, "__code__", None)
    return code.co_filename if code is not None else inspect.getsourcefile(item) or ""


def _node_of(item: Any) -> ast.AST:
    """Syntax of a function or class; each file is parsed once, which saves seconds at load time."""
    file = _file_of(_path_of(item))
    code = getattr(item, "__code__", None)
    node = None
    if file is not None:
        node = file.nodes.get((item.__name__, code.co_firstlineno) if code is not None else (item.__qualname__, 0))
    if node is None:  # a lambda, or something made at run time
        node = ast.parse(textwrap.dedent(inspect.getsource(item)))
    return node


@dataclasses.dataclass(frozen=True, eq=False)
class _File:
    """A source file.

    Attributes:
        nodes: functions by name and first line (decorators included), classes by qualified name and 0.
        imports: local name -> dotted name, of the imports outside functions.
    """

    nodes: Mapping[tuple[str, int], ast.AST]
    imports: Mapping[str, str]


@functools.lru_cache(maxsize=1024)
def _file_of(path: str) -> _File | None:
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as handle:
        tree = ast.parse(handle.read())
    nodes: dict[tuple[str, int], ast.AST] = {}
    imports: dict[str, str] = {}

    def collect(node: ast.AST, prefix: str, is_outside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            below, stays_outside = prefix, is_outside
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                nodes[child.name, first] = child
                below, stays_outside = f"{prefix}{child.name}.<locals>.", False
            elif isinstance(child, ast.ClassDef):
                nodes[f"{prefix}{child.name}", 0] = child
                below = f"{prefix}{child.name}."
            elif isinstance(child, ast.Import | ast.ImportFrom) and is_outside:
                imports.update(_imports_of(child))
            if not isinstance(child, ast.expr):
                collect(child, below, stays_outside)

    collect(tree, "", True)
    return _File(nodes, imports)
