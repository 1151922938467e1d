"""The faults: small changes of one function's body, as a tired hand makes them. Pure."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType

Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_ANNOTATIONS = {"annotation", "returns", "decorator_list"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one function. `code` compiles the function with it."""

    function: str
    line: int
    what: str
    code: Callable[[], CodeType]


@dataclass(frozen=True, slots=True)
class _Site:
    """Where a node stands in the tree: a field of its parent, or one of a list's items."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants(source: str, filename: str) -> Iterator[Mutant]:
    """Return every mutant of every function and method; what runs at import is left alone."""
    tree = ast.parse(source)
    for name, function in _functions(tree, ""):
        for site in _sites(function):
            for new in _changes(site):
                yield Mutant(
                    function=name,
                    line=getattr(site.node, "lineno", function.lineno),
                    what=f"{_text(site.node)} → {_text(new)}",
                    code=_compiler(tree, site, new, name, filename),
                )


def code_of(code: CodeType, name: str) -> CodeType:
    """Return the code of a function by its qualified name."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if one.co_qualname == name:
                return one
            if name.startswith(f"{one.co_qualname}."):
                return code_of(one, name)
    raise LookupError(name)


def _compiler(
    tree: ast.Module, site: _Site, new: ast.AST, name: str, filename: str
) -> Callable[[], CodeType]:
    def compiled() -> CodeType:
        site.put(ast.fix_missing_locations(ast.copy_location(new, site.node)))
        try:
            return code_of(compile(tree, filename, "exec", dont_inherit=True), name)
        finally:
            site.put(site.node)

    return compiled


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def _sites(node: ast.AST) -> Iterator[_Site]:
    for field, value in ast.iter_fields(node):
        if field in _ANNOTATIONS:
            continue
        several = isinstance(value, list)
        for index, child in enumerate(value if several else [value]):
            if isinstance(child, ast.AST) and not isinstance(child, ast.arguments | ast.pattern):
                yield _Site(node, field, index if several else None, child)
                yield from _sites(child)


def _changes(site: _Site) -> Iterator[ast.AST]:
    node = site.node
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif _first(site):
        yield ast.Constant(1)
    elif isinstance(node, ast.expr):
        yield from _expressions(node)
        if _decides(site) and not isinstance(node, ast.Compare | ast.UnaryOp):
            yield ast.UnaryOp(ast.Not(), node)


def _decides(site: _Site) -> bool:
    """Tell whether an expression is a condition."""
    return site.field in {"test", "guard"} or (
        isinstance(site.parent, ast.comprehension) and site.field == "ifs"
    )


def _first(site: _Site) -> bool:
    """Tell whether it takes the first of several: most that are taken so are the last as well."""
    zero = isinstance(site.node, ast.Constant) and site.node.value == 0
    return zero and isinstance(site.parent, ast.Subscript)


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Return(value=ast.expr() as value):
            if not (isinstance(value, ast.Constant) and not value.value):
                yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom()):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield ast.Pass()
        case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))):
            pass  # what cannot come
        case ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Continue() | ast.Break():
            yield ast.Pass()


def _expressions(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            for index, op in enumerate(ops):
                flipped = _COMPARISONS[type(op)]()
                yield ast.Compare(left, [*ops[:index], flipped, *ops[index + 1 :]], others)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            yield ast.BinOp(left, _ARITHMETIC[type(op)](), right)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))


def _text(node: ast.AST) -> str:
    """Return a node's source on one line."""
    return " ".join(ast.unparse(node).split())
