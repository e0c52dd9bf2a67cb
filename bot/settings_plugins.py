"""What each plug-in folder offers. Of feeds and brokers only the chosen one is imported, because it brings its SDK along."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass

from core.model.errors import OperatorError
from core.ports.plugins import discover


@dataclass(frozen=True, slots=True)
class Plugins:
    """The plug-ins by kind and name; of feeds and brokers the module that holds each."""

    strategies: Mapping[str, type]
    rules: Mapping[str, type]
    posts: Mapping[str, type]
    feeds: Mapping[str, str]
    brokers: Mapping[str, str]

    @classmethod
    def found(cls) -> "Plugins":
        """Look into the folders.

        Raises
        ------
        OperatorError
            A file is broken or two use the same name.
        """
        return cls(
            strategies=discover(importlib.import_module("core.strategies")),
            rules=discover(importlib.import_module("core.risk")),
            posts=discover(importlib.import_module("core.posts")),
            feeds=_modules("core.feeds"),
            brokers=_modules("brokers"),
        )


def chosen(module_name: str, name: str) -> type:
    """Import one feed or broker: the dataclass in that module whose `name` is that name.

    Raises
    ------
    OperatorError
        The file cannot be imported or holds no such class.
    """
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise OperatorError(f"{module_name} cannot be imported: {error}") from error
    for thing in vars(module).values():
        if isinstance(thing, type) and is_dataclass(thing) and getattr(thing, "name", None) == name:
            return thing
    raise OperatorError(f"{module_name} holds no frozen dataclass named {name!r}; add its settings there")


def _modules(package: str) -> Mapping[str, str]:
    path = importlib.import_module(package).__path__
    names = sorted(entry.name for entry in pkgutil.iter_modules(path) if not entry.name.startswith("_"))
    return {name: f"{package}.{name}" for name in names}
