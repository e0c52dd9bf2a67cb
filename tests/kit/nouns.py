"""Builders of sound nouns for tests: every function gives a valid thing, keyword arguments change single fields.

The market is a small table in memory behind the `Reading` door. The default instant is Wednesday 12 June 2024, 15:00 UTC (11:00 in
New York), in the middle of a session; the last completed bar is that of 11 June.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from core.model.errors import UnknownSymbolError
from core.model.instruments import Instrument, Leg, Option, Right, Side, Stock
from core.model.market import Bars, Events, Features, Floats, MarketView, Quote, Regime, Session, SymbolView
from core.model.orders import Fill
from core.model.positions import Book, Holding, Marked, Position
from core.model.proposals import Envelope, LegQuote, Plan, Proposal, share_out
from core.model.signals import Intent, Levels, Rung, Signal

DAY = date(2024, 6, 12)
COMPLETED = date(2024, 6, 11)
NOW = datetime(2024, 6, 12, 15, tzinfo=UTC)
SESSION = Session(DAY, datetime(2024, 6, 12, 13, 30, tzinfo=UTC), datetime(2024, 6, 12, 20, tzinfo=UTC))

#: A leader that passes every gate of the ATR matrix: D = 2, ATR 4 % of price.
LEADER: Mapping[str, float] = {
    "close": 100.0, "low": 99.0, "volume": 2e6, "raw_close": 100.0,
    "sma20": 97.0, "sma50": 92.0, "sma100": 85.0, "sma200": 75.0, "sma200_20ago": 73.0,
    "ema10": 98.5, "ema20": 97.0, "ema50": 92.0, "ema200": 76.0,
    "atr14": 4.0, "atr_percent": 4.0, "rsi14": 62.0, "distance": 2.0, "distance_percent_form": 2.0 * 100.0 / 92.0,
    "range_position": 80.0, "dollar_volume": 2e8, "rvol": 1.2, "adr_percent": 3.8,
    "rs_1w": 88.0, "rs_1m": 95.0, "rs_3m": 97.0, "rs_6m": 92.0, "rs_best": 97.0,
    "low_distance": 25.0, "sessions_to_earnings": 30.0, "regime": 1.0, "optionable": 1.0, "change_1d": 0.01,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """A market in memory behind the `Reading` door."""

    views: Mapping[str, SymbolView]
    quotes: Mapping[str, Quote] = field(default_factory=dict)

    def symbol(self, symbol: str) -> SymbolView:
        if symbol not in self.views:
            raise UnknownSymbolError(f"{symbol} is not in the universe")
        return self.views[symbol]

    def quote(self, instrument: Instrument) -> Quote | None:
        if isinstance(instrument, Stock):
            return self.views[instrument.symbol].quote if instrument.symbol in self.views else None
        return self.quotes.get(instrument.key)


def dollars(value: float | str) -> Decimal:
    return Decimal(str(value))


def quote(mid: float = 100.0, spread: float = 0.02, as_of: datetime = NOW, **changes: Any) -> Quote:
    half = dollars(spread) / 2
    return replace(Quote(dollars(mid) - half, dollars(mid) + half, 100, 100, as_of), **changes)


def bars(closes: Sequence[float] | Floats, last: date = COMPLETED) -> Bars:
    """Daily bars on weekdays up to and including `last`; high and low 1 % around the close."""
    close = np.asarray(closes, dtype=np.float64)
    day = np.busday_offset(np.datetime64(last), np.arange(len(close)) - len(close) + 1, roll="backward")
    return Bars(day.astype("datetime64[D]"), close, close * 1.01, close * 0.99, close, np.full(len(close), 2e6))


def symbol_view(symbol: str = "LEAD", **changes: Any) -> SymbolView:
    """One name; `features` given are merged over those of a leader."""
    features = {**LEADER, **changes.pop("features", {})}
    made = SymbolView(
        symbol=symbol,
        bars=bars(np.linspace(80, features["close"], 260)) if "bars" not in changes else changes["bars"],
        features=features,
        quote=quote(features["close"]) if features["close"] > 1 else None,
        events=Events(earnings_known=True),
        news=(),
        sector="Technology",
        chain=None,
    )
    return replace(made, **changes)


def view(*symbols: SymbolView, quotes: Mapping[str, Quote] | None = None, **changes: Any) -> MarketView:
    """A market of the given names (one leader when none is given) in the middle of a session."""
    names = symbols or (symbol_view(),)
    columns = {name: np.array([one.features[name] for one in names], dtype=np.float64) for name in LEADER}
    made = MarketView(
        as_of=NOW,
        session=SESSION,
        completed=COMPLETED,
        symbols=tuple(one.symbol for one in names),
        features=Features(columns),
        regime=Regime("SPY", 540.0, 520.0, 480.0, 0.002, above_sma200=True),
        vix=13.0,
        source="a table in memory",
        reading=Table({one.symbol: one for one in names}, quotes or {}),
    )
    return replace(made, **changes)


def levels(entry: float = 100.0, atr: float = 4.0, sma50: float = 92.0) -> Levels:
    rungs = tuple(Rung(float(multiple), dollars(sma50 + multiple * atr)) for multiple in (7, 8, 9, 10))
    return Levels(dollars(entry), dollars(entry - 1.5 * atr), rungs, dollars(atr), dollars(sma50))


def signal(symbol: str = "LEAD", **changes: Any) -> Signal:
    """An opening signal on the last completed bar."""
    made = Signal(
        id=f"signal-{symbol}",
        strategy="atr_matrix",
        symbol=symbol,
        intent=Intent.OPEN,
        cause="entry",
        session=COMPLETED,
        as_of=NOW,
        price=Decimal(100),
        reason=f"{symbol} passed every gate",
        score=70.0,
        levels=levels(),
    )
    return replace(made, **changes)


def closing_signal(symbol: str = "LEAD", **changes: Any) -> Signal:
    closing = {"intent": Intent.CLOSE, "cause": "stop", "levels": None, "score": None, "position_id": "position-1", "quantity": 100}
    return signal(symbol, **{**closing, **changes})


def option(symbol: str = "LEAD", strike: float = 100.0, right: Right = Right.CALL, expiry: date = date(2024, 7, 19)) -> Option:
    return Option(symbol, expiry, right, dollars(strike))


def plan(units: int = 100, **changes: Any) -> Plan:
    return replace(Plan(Decimal(94), share_out((7.0, 8.0, 9.0, 10.0), units), 60), **changes)


def leg_quote(instrument: Instrument, bid: float = 99.99, ask: float = 100.01, as_of: datetime = NOW) -> LegQuote:
    return LegQuote(instrument.key, dollars(bid), dollars(ask), as_of, modelled=False)


def proposal(symbol: str = "LEAD", quantity: int = 100, **changes: Any) -> Proposal:
    """Buy so many shares at 100.01 with a stop at 94; the loss counted is 7.50 a share and a dollar of fees."""
    made = Proposal(
        id=f"proposal-{symbol}",
        signal=signal(symbol),
        account="paper",
        legs=(Leg(Stock(symbol), Side.BUY),),
        quantity=quantity,
        limit=dollars("-100.01"),
        floor=dollars("-100.50"),
        tick=dollars("0.01"),
        max_loss=dollars("7.50") * quantity + 1,
        fees=Decimal(1),
        value=dollars("100.01") * quantity,
        quotes=(leg_quote(Stock(symbol)),),
        spot=Decimal(100),
        created_at=NOW,
        ttl_seconds=900,
        plan=plan(quantity),
        sector="Technology",
    )
    return replace(made, **changes)


def closing_proposal(symbol: str = "LEAD", quantity: int = 100, **changes: Any) -> Proposal:
    """Sell so many shares of a held position."""
    closing: dict[str, Any] = {
        "signal": closing_signal(symbol, quantity=quantity),
        "legs": (Leg(Stock(symbol), Side.SELL),),
        "limit": dollars("99.99"),
        "floor": dollars("99.50"),
        "max_loss": Decimal(0),
        "value": Decimal(0),
        "plan": None,
    }
    return proposal(symbol, quantity, **{**closing, **changes})


def envelope(of: Proposal | None = None, **changes: Any) -> Envelope:
    of = of or proposal()
    made = Envelope(
        id=f"envelope-{of.id}",
        proposal_id=of.id,
        signal_id=of.signal.id,
        digest=of.digest,
        account=of.account,
        legs=of.legs,
        quantity=of.quantity,
        limit=of.limit,
        floor=of.floor,
        tick=of.tick,
        intent=of.intent,
        position_id=of.signal.position_id or "position-1",
        reserved=of.max_loss,
        approved_by=("owner",),
        approved_at=NOW,
        deadline=NOW + timedelta(minutes=15),
    )
    return replace(made, **changes)


def fill(of: Envelope, quantity: int, price: float | str = "100", leg: int = 0, **changes: Any) -> Fill:
    """One execution of one leg of an envelope; give each its own `exec_id` where that matters."""
    part = of.legs[leg]
    made = Fill(
        exec_id=f"{of.id}-{leg}-{quantity}-{price}",
        order_key=f"qm1-{of.id}-1",
        account=of.account,
        leg=leg,
        instrument_key=part.instrument.key,
        side=part.side,
        quantity=quantity,
        price=dollars(price),
        fee=dollars("0.01") * quantity,
        at=NOW,
        multiplier=part.instrument.multiplier,
    )
    return replace(made, **changes)


def position(symbol: str = "LEAD", units: int = 100, **changes: Any) -> Position:
    """So many shares bought at 100 the session before yesterday's bar, stop at 94."""
    made = Position(
        id="position-1",
        account="paper",
        strategy="atr_matrix",
        symbol=symbol,
        structure="stock",
        holdings=(Holding(Stock(symbol), units, Decimal(100)),),
        units=units,
        opened_units=units,
        opened_at=datetime(2024, 6, 10, 13, 35, tzinfo=UTC),
        opened_session=date(2024, 6, 10),
        entry_spot=Decimal(100),
        plan=plan(units),
        max_loss=dollars("7.50") * units,
        sector="Technology",
    )
    return replace(made, **changes)


def option_position(symbol: str = "LEAD", units: int = 4, **changes: Any) -> Position:
    """So many calls struck at 100 bought at 5."""
    holding = Holding(option(symbol), units, Decimal(5))
    made = position(
        symbol,
        units,
        structure="long call",
        holdings=(holding,),
        plan=plan(units, exit_days_to_expiry=10, premium_stop=0.5),
        max_loss=Decimal(500) * units,
    )
    return replace(made, **changes)


def marked(of: Position, price: float | None = None) -> Marked:
    """A position at one price per share of all its holdings (its cost when no price is given)."""
    held = sum((holding.cost for holding in of.holdings), Decimal(0))
    if price is None:
        return Marked(of, held, Decimal(0), modelled=False)
    value = sum((one.quantity * dollars(price) * one.instrument.multiplier for one in of.holdings), Decimal(0))
    return Marked(of, value, value - held, modelled=False)


def book(*positions: Marked, net: float = 100_000, **changes: Any) -> Book:
    """An account with so much net liquidation; cash is what its positions leave."""
    value = sum((one.value or Decimal(0) for one in positions), Decimal(0))
    made = Book(
        account="paper",
        as_of=NOW,
        cash=dollars(net) - value,
        positions=positions,
        net_liquidation=dollars(net),
        day_start=dollars(net),
        peak=dollars(net),
        buying_power=dollars(net) - value,
    )
    return replace(made, **changes)
