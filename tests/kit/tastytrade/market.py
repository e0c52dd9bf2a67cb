"""What fills at the loopback broker, what it refuses, and what expires there."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from core.model.instruments import Option, Right, instrument
from tests.kit.tastytrade.books import JSON, Books, Part, Placed

FEE_OPEN, FEE = Decimal("1.13"), Decimal("0.13")


@dataclass(slots=True)
class Shown:
    """A quote on the screen; `left` is what of its size was not sold yet."""

    bid: Decimal
    ask: Decimal
    left: dict[str, int]
    at: datetime


@dataclass(slots=True)
class Market:
    """Quotes set by hand, and how orders meet them.

    Attributes
    ----------
    fill : str
        ``market``: against the quotes shown; ``limit``: everything at once at its limit, quotes or not; ``never``.
    part : int
        Largest number of units that one look fills; 0: no bound.
    """

    books: Books
    fill: str = "market"
    part: int = 0
    shown: dict[str, Shown] = field(default_factory=dict)

    def show(self, row: JSON, at: datetime) -> None:
        size = int(row.get("size", 1000))
        self.shown[row["symbol"]] = Shown(Decimal(row["bid"]), Decimal(row["ask"]), {"Buy": size, "Sell": size}, at)

    def refusal(self, order: JSON, today: date) -> tuple[str, str] | None:
        """(code, message) of what is not taken; None: it is."""
        if not order["legs"] or any(leg["quantity"] < 1 for leg in order["legs"]):
            return "validation_error", "Quantity must be greater than 0"
        for leg in order["legs"]:
            thing = instrument(leg["symbol"])
            if isinstance(thing, Option) and thing.expiry < today:
                return "instrument_validation_failed", "You cannot trade an expired instrument"
            if self.fill == "market" and leg["symbol"] not in self.shown:
                return "invalid_symbol", f"Symbol {leg['symbol'].strip()} is not known"
            if "Close" in leg["action"] and self._closable(leg) < leg["quantity"]:
                return "invalid_position_effect", "The closing quantity is larger than the open position"
        need = self.need(order)
        if need is None:
            return "cant_sell_uncovered", "Your account is not approved to sell uncovered options"
        if need > self.power:
            return "margin_check_failed", "You do not have enough available buying power for this order"
        return None

    def _closable(self, leg: JSON) -> int:
        held = self.books.positions.get(leg["symbol"], 0)
        return max(0, held if leg["action"].startswith("Sell") else -held)

    def fees(self, order: JSON) -> Decimal:
        options = [leg for leg in order["legs"] if leg["kind"] == "Equity Option"]
        return sum(((FEE_OPEN if "Open" in leg["action"] else FEE) * leg["quantity"] for leg in options), Decimal(0))

    @property
    def power(self) -> Decimal:
        waiting = [order for order in self.books.orders.values() if order.open]
        return self.books.cash - sum((max(Decimal(0), self._debit(order)) for order in waiting), Decimal(0))

    def _debit(self, order: Placed) -> Decimal:
        units = _units([part.quantity - part.filled for part in order.parts])
        return -order.price * units * max(part.multiplier for part in order.parts)

    def need(self, order: JSON) -> Decimal | None:
        """Dollars that it ties up, fees included; None: a short leg stands uncovered."""
        quantity = _units([leg["quantity"] for leg in order["legs"]])
        scale = 100 if any(leg["kind"] == "Equity Option" for leg in order["legs"]) else 1
        net = self.fees(order) - Decimal(order["price"]) * quantity * scale
        shorts = [leg for leg in order["legs"] if leg["action"] == "Sell to Open"]
        longs = [leg for leg in order["legs"] if leg["action"] == "Buy to Open"]
        if not shorts:
            return max(net, Decimal(0))
        if any(leg["kind"] == "Equity" for leg in shorts) or sum(leg["quantity"] for leg in shorts) > sum(
            leg["quantity"] for leg in longs
        ):
            return None
        strikes = [instrument(leg["symbol"]) for leg in (*shorts, *longs)]
        values = [thing.strike for thing in strikes if isinstance(thing, Option)]
        width = max(values) - min(values)
        return max(net, net + width * quantity * 100 if order["price"] > 0 else net)

    def match(self, order: Placed, at: datetime) -> None:
        """Let an order trade as far as it can now."""
        if not order.open or order.status in ("Contingent", "Received") or self.fill == "never":
            return
        left = [part.quantity - part.filled for part in order.parts]
        units = _units(left)
        prices = self._limit_prices(order) if self.fill == "limit" else self._prices(order)
        if not units or prices is None:
            return
        ratios = [quantity // units for quantity in left]
        if self.fill == "market":
            sizes = [self.shown[part.symbol].left[part.action.split()[0]] for part in order.parts]
            units = min(units, *(size // ratio for size, ratio in zip(sizes, ratios, strict=True)))
        units = min(units, self.part or units)
        if units < 1:
            return
        if self.fill == "market":
            for part, ratio in zip(order.parts, ratios, strict=True):
                self.shown[part.symbol].left[part.action.split()[0]] -= units * ratio
        rows = [(leg, units * ratio, price) for leg, (ratio, price) in enumerate(zip(ratios, prices, strict=True))]
        self.execute(order, rows, at)

    def execute(self, order: Placed, rows: list[tuple[int, int, Decimal]], at: datetime) -> None:
        """Book executions (leg, quantity, price), whatever they do to the order."""
        fills = []
        for leg, quantity, price in rows:
            part = order.parts[leg]
            each = (FEE_OPEN if "Open" in part.action else FEE) if part.multiplier == 100 else Decimal(0)
            name = f"{order.id}_LOOP::{leg}.{len(part.fills) + 1}"
            fills.append({"leg": leg, "exec": name, "quantity": quantity, "price": price, "fee": each * quantity})
        self.books.commit({"do": "fill", "id": order.id, "at": at, "fills": fills})

    def _prices(self, order: Placed) -> list[Decimal] | None:
        """What each leg trades at when the market pays the limit or better; None: it does not."""
        seen = [self.shown.get(part.symbol) for part in order.parts]
        units = _units([part.quantity for part in order.parts])
        prices, net = [], Decimal(0)
        for part, quote in zip(order.parts, seen, strict=True):
            if quote is None:
                return None
            prices.append(quote.ask if part.sign > 0 else quote.bid)
            net -= part.sign * prices[-1] * (part.quantity // units)
        return prices if net >= order.price else None

    def _limit_prices(self, order: Placed) -> list[Decimal]:
        """Leg prices whose net is the limit."""
        units = _units([part.quantity for part in order.parts])
        prices = [Decimal(1) for _ in order.parts]
        rest = order.price + sum(part.sign * (part.quantity // units) for part in order.parts)
        wanted = 1 if rest < 0 else -1
        leg = next((number for number, part in enumerate(order.parts) if part.sign == wanted), 0)
        prices[leg] += abs(rest) / (order.parts[leg].quantity // units)
        if len(order.parts) == 1:
            prices[0] = abs(order.price)
        return prices

    def expire(self, day: date, spots: Mapping[str, Decimal], at: datetime) -> None:
        """Exercise, assign and remove what expires by the day."""
        rows: list[dict[str, Any]] = []
        for symbol, held in sorted(self.books.positions.items()):
            option = instrument(symbol)
            if not isinstance(option, Option) or option.expiry > day:
                continue
            spot = spots[option.underlying]
            inner = spot - option.strike if option.right is Right.CALL else option.strike - spot
            kind = "Expiration" if inner <= 0 else "Exercise" if held > 0 else "Assignment"
            rows.extend(delivery(option, held, kind))
        if rows:
            self.books.commit({"do": "move", "at": at, "rows": rows})


def delivery(option: Option, held: int, kind: str) -> list[dict[str, Any]]:
    """Rows of the history for `held` contracts (signed) that leave the account."""
    action = "Sell to Close" if held > 0 else "Buy to Close"
    rows: list[dict[str, Any]] = [{"kind": "Receive Deliver", "sub": kind, "symbol": option.key, "change": -held, "action": action}]
    if kind != "Expiration":
        shares = held * 100 * (1 if option.right is Right.CALL else -1)
        action = "Buy to Open" if shares > 0 else "Sell to Close"
        rows.append({"kind": "Receive Deliver", "sub": action, "symbol": option.underlying, "change": shares, "action": action,
                     "price": option.strike, "value": -shares * option.strike})  # fmt: skip
    return rows


def parts(body: JSON) -> JSON:
    """An order as it was sent, in our words."""
    legs = [
        {
            "symbol": leg["symbol"],
            "kind": leg["instrument-type"],
            "action": leg["action"],
            "quantity": int(Decimal(str(leg["quantity"]))),
        }
        for leg in body["legs"]
    ]
    if not re.fullmatch(r"\d+(\.\d+)?", str(body["price"])):
        raise ValueError(body["price"])
    price = Decimal(str(body["price"]))
    signed = -price if body.get("price-effect") == "Debit" else price
    return {"legs": legs, "price": signed, "key": body.get("external-identifier")}


def underlying(part: Part) -> str:
    return re.split(r"\s|\d{6}[CP]", part.symbol)[0]


def _units(quantities: list[int]) -> int:
    """How many whole order units quantities of legs make up: their greatest common divisor."""
    return math.gcd(*quantities) if all(quantities) else 0
