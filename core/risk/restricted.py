"""Whether the name may be traded at all."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import MaxLen

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.risk._verdicts import blocked, closes, passed

UNIT = "restricted"

#: Funds that multiply or invert a day's move, and those on volatility: what they promise does not last longer than a day.
SPECIAL = frozenset({
    "AGQ", "BITU", "BITX", "BOIL", "BULZ", "CONL", "CURE", "DDM", "DPST", "DRIP", "DUST", "DXD", "EDC", "EDZ", "ERX", "ERY",
    "FAS", "FAZ", "FNGD", "FNGU", "GLL", "GUSH", "JDST", "JNUG", "KOLD", "LABD", "LABU", "MSTU", "MSTX", "MSTZ", "NAIL", "NUGT",
    "NVDL", "NVDX", "PSQ", "QID", "QLD", "SBIT", "SCO", "SDOW", "SDS", "SH", "SOXL", "SOXS", "SPXL", "SPXS", "SPXU", "SQQQ",
    "SRTY", "SSO", "SVIX", "SVXY", "TBT", "TECL", "TECS", "TMF", "TMV", "TNA", "TQQQ", "TSLL", "TSLQ", "TWM", "TZA", "UBT", "UCO",
    "UDOW", "UGL", "UPRO", "URTY", "UVIX", "UVXY", "UWM", "VIXM", "VIXY", "VXX", "WEBL", "WEBS", "YANG", "YINN", "ZSL",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Restricted:
    """Symbols that are never opened: `symbols`, and leveraged, inverse and volatility funds unless they stand in `allowed`."""

    name: ClassVar[str] = "restricted"

    symbols: Annotated[tuple[str, ...], MaxLen(10_000)] = ()
    allowed: Annotated[tuple[str, ...], MaxLen(10_000)] = ()

    def check(self, proposal: Proposal, book: Book, view: MarketView) -> Verdict:  # noqa: ARG002 - every rule is asked alike
        """Look the symbol up."""
        exempt = closes(self.name, proposal, UNIT)
        if exempt:
            return exempt
        symbol = proposal.signal.symbol
        if symbol in self.symbols:
            return blocked(self.name, 1.0, 0.0, UNIT, f"{symbol} stands on the list of symbols that are never opened.")
        if symbol in SPECIAL and symbol not in self.allowed:
            sentence = f"{symbol} is a leveraged, inverse or volatility fund; list it under `allowed` to trade it."
            return blocked(self.name, 1.0, 0.0, UNIT, sentence)
        return passed(self.name, 0.0, 0.0, UNIT, f"{symbol} is not restricted.")
