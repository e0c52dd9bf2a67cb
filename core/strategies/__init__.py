"""One file per strategy: a frozen dataclass whose fields are its settings, whose gates are data, and which decides purely.

A strategy sees a `MarketView`, a `Book` and its own positions, and answers with signals. It reads no clock, does no I/O, logs
nothing. Imported by the engine and research; found by name through `found`, switched on by name under `strategies:`.

To add one, add a file with one frozen dataclass that has a class attribute `name` and keeps to `core.ports.strategy.Strategy`;
`tests/test_every_strategy.py` runs it through what every strategy must hold to. Files that begin with an underscore are shared
parts and no strategies.
"""

import sys
from collections.abc import Mapping

from core.ports.plugins import discover


def found() -> Mapping[str, type]:
    """Every strategy of this folder by name.

    Raises
    ------
    OperatorError
        A file is broken, or two use the same name.
    """
    return discover(sys.modules[__name__])
