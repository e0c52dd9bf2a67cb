"""What happens to an account without an order: splits, dividends, delistings, expiries. Pure: positions in, transactions out.

Each transaction's id is made of what it is about, so the same event met twice moves the account once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

from brokers.paper.margin import intrinsic
from brokers.paper.records import CorporateAction, Delisting, Dividend, Split
from core.model.errors import BadDataError
from core.model.instruments import Option, Right, Stock, instrument
from core.model.money import CENT, ZERO, cents
from core.model.orders import Movement, Transaction


@dataclass(frozen=True, slots=True)
class Booking:
    """Where movements are booked: account and instant."""

    account: str
    at: datetime

    def row(self, name: str, kind: Movement, key: str | None, change: tuple[int, Decimal, Decimal]) -> Transaction:
        """One movement; `change` is (quantity, price, cash)."""
        quantity, price, cash = change
        identity = f"{self.account}-{kind.value.replace(' ', '-')}-{key or 'cash'}-{name}".replace("  ", "")
        return Transaction(identity, self.account, self.at, kind, key, quantity, price, cash)


def adjust(action: CorporateAction, positions: Mapping[str, int], booking: Booking) -> tuple[Transaction, ...]:
    """Movements that a corporate action makes for what is held.

    Raises
    ------
    BadDataError
        A ratio, amount or price that cannot be.
    """
    held = {key: quantity for key, quantity in positions.items() if instrument(key).underlying == action.symbol}
    if isinstance(action, Dividend):
        return tuple(_dividend(action, held, booking))
    if isinstance(action, Delisting):
        return tuple(_delisting(action, held, booking))
    if action.ratio <= 0 or action.price < 0:
        raise BadDataError(f"a split of {action.symbol} by {action.ratio} at {action.price} cannot be; check the corporate actions")
    return tuple(_split(action, held, booking))


def expire(day: date, spots: Mapping[str, Decimal], positions: Mapping[str, int], booking: Booking) -> tuple[Transaction, ...]:
    """Settle every option that expires on or before the day: exercised by exception from one cent in the money.

    Exercise and assignment deliver shares at the strike; what is out of the money disappears. Contracts whose underlying has no
    price in `spots` stay.
    """
    rows: list[Transaction] = []
    for key, quantity in sorted(positions.items()):
        option = instrument(key)
        if isinstance(option, Option) and option.expiry <= day and option.underlying in spots:
            rows.extend(_settle(option, quantity, spots[option.underlying], booking))
    return tuple(rows)


def _settle(option: Option, quantity: int, spot: Decimal, booking: Booking) -> Iterator[Transaction]:
    if intrinsic(option, spot) < CENT:
        yield booking.row(f"{option.expiry}", Movement.EXPIRY, option.key, (-quantity, ZERO, ZERO))
        return
    kind = Movement.EXERCISE if quantity > 0 else Movement.ASSIGNMENT
    shares = quantity * option.multiplier * (1 if option.right is Right.CALL else -1)
    yield booking.row(f"{option.expiry}", kind, option.key, (-quantity, ZERO, ZERO))
    yield booking.row(option.key, kind, option.underlying, (shares, option.strike, -shares * option.strike))


def _dividend(action: Dividend, held: Mapping[str, int], booking: Booking) -> Iterator[Transaction]:
    if action.amount < 0:
        raise BadDataError(f"a dividend of {action.amount} on {action.symbol} cannot be; check the corporate actions")
    shares = held.get(action.symbol, 0)
    if shares and action.amount:
        yield booking.row(f"{action.day}", Movement.DIVIDEND, action.symbol, (0, action.amount, cents(shares * action.amount)))


def _delisting(action: Delisting, held: Mapping[str, int], booking: Booking) -> Iterator[Transaction]:
    for key, quantity in sorted(held.items()):
        thing = instrument(key)
        worth = action.price if isinstance(thing, Stock) else intrinsic(thing, action.price)
        cash = cents(quantity * worth * thing.multiplier)
        yield booking.row(f"{action.day}", Movement.DELISTING, key, (-quantity, worth, cash))


def _split(action: Split, held: Mapping[str, int], booking: Booking) -> Iterator[Transaction]:
    ratio = Fraction(action.ratio).limit_denominator(10_000)
    shares = held.get(action.symbol, 0)
    if shares:
        exact = shares * ratio
        whole = int(exact) if exact >= 0 else -int(-exact)
        yield booking.row(f"{action.day}", Movement.SPLIT, action.symbol, (whole - shares, action.ratio, ZERO))
        rest = exact - whole
        if rest:
            cash = cents(Decimal(rest.numerator) / Decimal(rest.denominator) * action.price)
            yield booking.row(f"{action.day}", Movement.CASH_IN_LIEU, action.symbol, (0, action.price, cash))
    for key, quantity in sorted(held.items()):
        option = instrument(key)
        if isinstance(option, Option):
            yield from _split_option(action, option, quantity, booking)


def _split_option(action: Split, option: Option, quantity: int, booking: Booking) -> Iterator[Transaction]:
    """Whole ratios make more contracts at a lower strike; others are paid out at what exercising them would bring."""
    ratio = Fraction(action.ratio).limit_denominator(10_000)
    strike = (option.strike / action.ratio).quantize(Decimal("0.001"), ROUND_FLOOR)
    name = f"{action.day}"
    if ratio.denominator == 1 and strike * action.ratio == option.strike:
        count = quantity * ratio.numerator
        yield booking.row(f"{name}-out", Movement.SPLIT, option.key, (-quantity, action.ratio, ZERO))
        yield booking.row(f"{name}-in", Movement.SPLIT, replace(option, strike=strike).key, (count, action.ratio, ZERO))
        return
    worth = intrinsic(option, action.price * action.ratio)
    yield booking.row(name, Movement.CASH_IN_LIEU, option.key, (-quantity, worth, cents(quantity * worth * option.multiplier)))


def due(key: str, day: date) -> bool:
    """Whether the instrument is an option that expires on or before the day."""
    thing = instrument(key)
    return isinstance(thing, Option) and thing.expiry <= day
