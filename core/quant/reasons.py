"""Why a row of a batch has no number: a code beside every NaN, and the sentence for it."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Reasons = NDArray[np.uint8]


class Reason(IntEnum):
    """Why there is no number. The kernels write these codes as plain integers."""

    OK = 0
    MISSING = 1
    NOT_POSITIVE = 2
    EXPIRED = 3
    FAR_OUT = 4
    BELOW_BOUND = 5
    NO_TIME_VALUE = 6
    ABOVE_BOUND = 7
    NO_VOLATILITY = 8
    BAD_VOLATILITY = 9
    KINK = 10
    CROSSED = 11
    ONE_SIDED = 12
    DIVIDENDS = 13
    STALE = 14

    @property
    def sentence(self) -> str:
        """Plain words for a card or a log."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.OK: "a number was found",
    Reason.MISSING: "a term is missing or not a finite number",
    Reason.NOT_POSITIVE: "spot and strike must be above zero",
    Reason.EXPIRED: "the contract has no time left",
    Reason.FAR_OUT: "strike, rate or time lies outside the range that the model is computed for",
    Reason.BELOW_BOUND: "the price is below what exercise or a certain future is worth",
    Reason.NO_TIME_VALUE: "the price has no time value, so it says nothing about volatility",
    Reason.ABOVE_BOUND: "the price is at or above the most that the right can be worth",
    Reason.NO_VOLATILITY: "no volatility within the searched range gives the price",
    Reason.BAD_VOLATILITY: "the volatility is negative or too large for the time left",
    Reason.KINK: "without volatility and exactly at the money the slopes do not exist",
    Reason.CROSSED: "the bid is above the ask",
    Reason.ONE_SIDED: "one side of the quote is missing, zero or negative",
    Reason.DIVIDENDS: "the dividends before expiry are worth more than the share",
    Reason.STALE: "the quote is too old",
}
