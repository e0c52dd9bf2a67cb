"""Names of instruments: ours, tastytrade's (options alike, share classes with a slash) and those of its quote stream."""

from tastytrade.instruments import Option as TastyOption

from brokers.tastytrade.values import UnreadableError
from brokers.tastytrade.wire import JSON
from core.model.errors import BadDataError
from core.model.instruments import Instrument, Option, instrument

EQUITY, EQUITY_OPTION = "Equity", "Equity Option"


def to_wire(thing: Instrument) -> tuple[str, str]:
    """(instrument type, symbol)."""
    return (EQUITY_OPTION, thing.key) if isinstance(thing, Option) else (EQUITY, thing.symbol.replace(".", "/"))


def from_wire(body: JSON) -> str:
    """Our key of what a payload names; instruments that we do not trade keep their own symbol."""
    symbol, kind = body.get("symbol"), body.get("instrument-type")
    if not isinstance(symbol, str) or not symbol:
        raise UnreadableError(f"tastytrade sent a {kind} without its symbol; nothing is concluded from that answer")
    return symbol.replace("/", ".") if kind == EQUITY else symbol


def named(key: str) -> Instrument:
    """Give what a key names."""
    try:
        return instrument(key)
    except BadDataError as error:
        raise UnreadableError(f"tastytrade names an instrument {key!r} that cannot be read: {error}") from error


def streamer(thing: Instrument) -> str:
    """Name in the quote stream, ``.SPY261218C600`` for an option."""
    return TastyOption.occ_to_streamer_symbol(thing.key) if isinstance(thing, Option) else thing.symbol.replace(".", "/")
