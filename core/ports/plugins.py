"""Finding the one thing that each file of a plug-in folder adds."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType

from core.model.errors import OperatorError


def discover(package: ModuleType) -> Mapping[str, type]:
    """Map the `name` of every plug-in in the package to its frozen dataclass, sorted by name.

    Each module that does not start with an underscore holds exactly one dataclass with a class attribute `name`.

    Raises
    ------
    OperatorError
        A file cannot be imported, holds no plug-in or several, or two files use the same name.
    """
    found: dict[str, type] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        if info.name.startswith("_"):
            continue
        plugin = _plugin(f"{package.__name__}.{info.name}")
        name = str(getattr(plugin, "name"))  # noqa: B009 - a class attribute that the type system does not know here
        if name in found:
            raise OperatorError(f"two files in {package.__name__} are named {name!r}; rename one of them")
        found[name] = plugin
    return dict(sorted(found.items()))


def _plugin(module_name: str) -> type:
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise OperatorError(f"{module_name} cannot be imported: {error}") from error
    plugins = [
        thing
        for thing in vars(module).values()
        if isinstance(thing, type)
        and thing.__module__ == module_name
        and dataclasses.is_dataclass(thing)
        and hasattr(thing, "name")
    ]
    if len(plugins) != 1:
        raise OperatorError(
            f"{module_name} must hold exactly one plug-in (a frozen dataclass with a `name`), it holds {len(plugins)}"
        )
    return plugins[0]
