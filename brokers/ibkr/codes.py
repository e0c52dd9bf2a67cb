"""What Interactive Brokers' message codes mean for us.

A code never ends an order. It says only what to do next: some codes make it likely that a new order was refused, which then has
to be proved by looking; the others ask for a look or for nothing. A code that the table does not know asks for a look.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Meaning(StrEnum):
    """What a message code says."""

    REFUSAL = "a new order was probably not taken"
    WARNING = "the order lives on"
    ENDED = "the order was probably cancelled"
    RACE = "the order is past cancelling, or not known"
    LOST = "TWS lost its own connection to Interactive Brokers"
    GAP = "that connection is back, data was lost"
    KEPT = "that connection is back, data was kept"
    MOVED = "TWS listens on another port"
    TAKEN = "the client id is in use"
    NEWS = "nothing to do"
    OTHER = "not in the table: look"


_REFUSALS = (
    103, 106, 107, 109, 110, 111, 113, 116, 132, 133, 200, 201, 203, 321, 355, 387, 388, 434, 435, 436, 463, 10006, 10043, 10052,
    10243, 10244, 10268, 10269, 10270, 10289, 10311,
)  # fmt: skip
_WARNINGS = (399, 404, 481, 492, 2109, 2137, 2161, 10167, 10349)
_NEWS = (165, 354, 10090, 10197)

MEANINGS: Mapping[int, Meaning] = MappingProxyType(
    {
        **dict.fromkeys(_REFUSALS, Meaning.REFUSAL),
        **dict.fromkeys(_WARNINGS, Meaning.WARNING),
        **dict.fromkeys(_NEWS, Meaning.NEWS),
        **dict.fromkeys((135, 136, 161, 10147, 10148), Meaning.RACE),
        202: Meaning.ENDED,
        326: Meaning.TAKEN,
        1100: Meaning.LOST,
        2110: Meaning.LOST,
        1101: Meaning.GAP,
        1102: Meaning.KEPT,
        1300: Meaning.MOVED,
    }
)


def meaning(code: int) -> Meaning:
    """What a code says; 104 and 105 (our id met another order) are among those that ask for a look, 2100 to 2199 are notices."""
    return MEANINGS.get(code, Meaning.NEWS if 2100 <= code < 2200 else Meaning.OTHER)
