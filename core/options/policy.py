"""What may be bought and what comes out: the policy, the choice, the refusal."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Gt, Le

from core.model.errors import SettingsError
from core.model.instruments import Leg
from core.model.proposals import LegQuote


class Structure(StrEnum):
    """How a bullish idea is expressed."""

    LONG_CALL = "long call"
    CALL_DEBIT_SPREAD = "call debit spread"
    PUT_CREDIT_SPREAD = "put credit spread"


Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True)
class OptionPolicy:
    """Filters and aims of the option choice. Deltas are without sign.

    Attributes
    ----------
    delta_low, delta_high, delta_aim : float
        Of the main leg: the call bought, or the put sold.
    far_low, far_high, far_aim : float
        Of a spread's other leg: the call sold, or the put bought.
    days_low, days_high, days_aim : int
        Calendar days to expiry in New York.
    min_volume, min_open_interest : int
        Contracts, of every leg.
    max_spread : float
        Ask less bid as a share of mid, of every leg.
    iv_rank_limit : float
        Long premium only below this IV rank (0 to 100); from it on, `above_limit`. An unknown IV rank is not evaluated: long
        premium is taken and a remark says so.
    above_limit : Structure
        One of the spreads.
    min_reward_risk : float
        Gain at the first rung of the signal's ladder over loss at its stop, entered at the natural price, legs revalued by the
        American model at their own implied volatility after `hold` of the time to expiry has passed.
    hold : float
        Share of the time to expiry.

    Raises
    ------
    SettingsError
        On construction, when a window is empty or does not hold its aim, or `above_limit` is no spread.
    """

    delta_low: Share = 0.30
    delta_high: Share = 0.70
    delta_aim: Share = 0.55
    far_low: Share = 0.10
    far_high: Share = 0.45
    far_aim: Share = 0.30
    days_low: Annotated[int, Ge(0)] = 14
    days_high: Annotated[int, Ge(0)] = 60
    days_aim: Annotated[int, Ge(0)] = 35
    min_volume: Annotated[int, Ge(0)] = 100
    min_open_interest: Annotated[int, Ge(0)] = 500
    max_spread: Annotated[float, Gt(0), Le(2)] = 0.10
    iv_rank_limit: Annotated[float, Ge(0), Le(100)] = 50.0
    above_limit: Structure = Structure.CALL_DEBIT_SPREAD
    min_reward_risk: Annotated[float, Ge(0)] = 2.0
    hold: Annotated[float, Ge(0), Le(0.99)] = 1 / 3

    def __post_init__(self) -> None:
        windows = (
            ("delta", self.delta_low, self.delta_aim, self.delta_high),
            ("far", self.far_low, self.far_aim, self.far_high),
            ("days", self.days_low, self.days_aim, self.days_high),
        )
        mistakes = [
            f"{name}_low {low}, {name}_aim {aim}, {name}_high {high} must rise in this order"
            for name, low, aim, high in windows
            if not low <= aim <= high
        ]
        if self.above_limit is Structure.LONG_CALL:
            mistakes.append("above_limit must be a spread: 'call debit spread' or 'put credit spread'")
        if mistakes:
            raise SettingsError(tuple(mistakes))


@dataclass(frozen=True, slots=True)
class Choice:
    """One unit of what to buy.

    Attributes
    ----------
    mid, natural : Decimal
        Net price per share, buying negative, on the tick: half way (rounded against us), and crossing every spread.
    max_loss : Decimal
        Positive dollars per unit at the natural price, without fees; structural.
    value_at_target, value_at_stop : float
        Dollars per unit that the legs are worth there; negative where they are a debt.
    delta : float
        Shares of the underlying that one unit moves like.
    break_evens : tuple of Decimal
        Prices of the underlying at expiry, entered at the natural price.
    counts : tuple of (filter, candidates left)
    """

    structure: Structure
    legs: tuple[Leg, ...]
    mid: Decimal
    natural: Decimal
    tick: Decimal
    max_loss: Decimal
    value_at_target: float
    value_at_stop: float
    reward_risk: float
    delta: float
    break_evens: tuple[Decimal, ...]
    expiry: date
    days: int
    quotes: tuple[LegQuote, ...]
    modelled: bool
    counts: tuple[tuple[str, int], ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing qualifies: which filter refused the last candidates, in one sentence, and how many each filter left."""

    filter: str
    sentence: str
    counts: tuple[tuple[str, int], ...]
