"""Random numbers by address: the same seed, stream, session and symbol always give the same numbers, in any order."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What the numbers are for; streams never share numbers."""

    TRAITS = 1
    MARKET = 2
    NAMES = 3
    PATH = 4
    SIZES = 5


def generator(seed: int, stream: Stream, session: int = 0, symbol: int = 0) -> np.random.Generator:
    """Open the numbers at one address.

    The address is written into the upper words of a Philox counter (Salmon et al., 2011), so two addresses can only meet
    after 2**64 draws.

    Parameters
    ----------
    seed : int
        0 to 2**63 - 1.
    session, symbol : int
        Positions, 0 and up.
    """
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, symbol, session, int(stream)]))
