"""How a loop of this room is compiled."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile on the first call, without the interpreter lock and with float rules of numpy (1/0 is infinite, not an exception).

    The machine code is cached beside the source file, or in the user's cache folder where the checkout cannot be written, or not
    at all where neither can. The cache notices changes in the function's own file alone, so a compiled function must call only
    compiled functions of its own file.
    """
    try:
        return cast("F", numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "nsz"})(function))
    except RuntimeError:  # no folder for a cache
        return cast("F", numba.njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})(function))
