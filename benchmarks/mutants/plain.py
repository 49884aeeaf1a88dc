"""Decorated functions written as plain ones that are wrapped afterwards: what mutmut can change."""

import libcst as cst

KEPT = {"overload", "staticmethod", "classmethod"}  # mutmut knows these


class Plain(cst.CSTTransformer):
    """`@atomic def book(…): …` becomes `def book(…): …` and `book = atomic(book)`."""

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef):
        wrappers = [decorator.decorator for decorator in updated_node.decorators]
        if not wrappers or any(map(_is_kept, wrappers)):
            return updated_node
        name = cst.Name(updated_node.name.value)
        wrapped: cst.BaseExpression = name
        for wrapper in reversed(wrappers):
            wrapped = cst.Call(func=wrapper, args=[cst.Arg(wrapped)])
        assigned = cst.Assign([cst.AssignTarget(name)], wrapped)
        return cst.FlattenSentinel(
            [updated_node.with_changes(decorators=[]), cst.SimpleStatementLine([assigned])]
        )


def _is_kept(wrapper: cst.BaseExpression) -> bool:
    if isinstance(wrapper, cst.Attribute):
        return wrapper.attr.value in {"setter", "deleter"}
    return isinstance(wrapper, cst.Name) and wrapper.value in KEPT


def plain(source: str) -> str:
    return cst.parse_module(source).visit(Plain()).code
