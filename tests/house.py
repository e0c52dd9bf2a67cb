"""Reading the source tree for the rules of the house: files, functions, classes, calls."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("bot", "brokers", "cogs", "core", "migrations")


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: path inside the project, dotted name, text and syntax tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def is_kernel(self) -> bool:
        """Numba kernels may be longer."""
        return Path(self.path).name.startswith("kernel")


def modules(*rooms: str) -> list[Module]:
    """Every module of the rooms, in order of path."""
    found = []
    for room in rooms or ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            relative = path.relative_to(ROOT)
            name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            text = path.read_text()
            found.append(Module(str(relative), name, text, ast.parse(text)))
    return found


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, nested ones included."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, decorators not counted."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def called(module: Module, name: str) -> list[int]:
    """Lines on which something of that bare name is called."""
    return [
        node.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def imported(module: Module) -> set[str]:
    """Dotted names that a module imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names
