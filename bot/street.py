"""The street: what a real broker learns by itself and the paper broker must be told: splits, dividends, delistings, expiries."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from brokers.paper import Delisting, Dividend, PaperBroker, Split
from core.model.instruments import Option, instrument
from core.model.market import ActionKind, CorporateAction, MarketView
from core.model.money import price


async def morning(broker: PaperBroker, actions: Iterable[CorporateAction], view: MarketView) -> None:
    """Before the open: tell the broker what happened to the companies that it holds. Telling twice changes nothing."""
    held = {instrument(key).underlying for key in await broker.positions()}
    for action in actions:
        if action.symbol in held:
            await broker.corporate_action(_told(action, view))


def _told(action: CorporateAction, view: MarketView) -> Split | Dividend | Delisting:
    if action.kind is ActionKind.DIVIDEND:
        return Dividend(action.symbol, action.day, action.value)
    if action.kind is ActionKind.DELISTING:
        return Delisting(action.symbol, action.day, action.value)
    return Split(action.symbol, action.day, action.value, _last(action.symbol, view))


async def evening(broker: PaperBroker, day: date, view: MarketView) -> None:
    """After the close: options that expire are settled at the closing price of their underlying."""
    expiring = [thing for key in await broker.positions() if isinstance(thing := instrument(key), Option) and thing.expiry <= day]
    if expiring:
        spots = {option.underlying: _last(option.underlying, view) for option in expiring}
        await broker.expire(day, spots)


def _last(symbol: str, view: MarketView) -> Decimal:
    return price(float(view.symbol(symbol).bars.close[-1]))
