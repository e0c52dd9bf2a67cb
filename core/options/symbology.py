"""Names of option contracts: OCC's 21 characters, the compact form, Polygon's, dxFeed's, and Interactive Brokers' fields.

The root of a name is not always the underlying: index options have weekly roots (SPXW) beside the monthly ones (SPX), and a
corporate action gives the old contracts a root with a digit (AAPL7), whose deliverable is not 100 shares any more.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from core.model.errors import BadDataError
from core.model.instruments import Option, Right

#: Index roots: underlying, and whether they settle on the opening prices of the expiry day.
INDEX_ROOTS = {
    "SPX": ("SPX", True), "SPXW": ("SPX", False), "SPXPM": ("SPX", False), "XSP": ("XSP", False),
    "NDX": ("NDX", True), "NDXP": ("NDX", False), "XND": ("XND", False), "RUT": ("RUT", True), "RUTW": ("RUT", False),
    "MRUT": ("MRUT", False), "DJX": ("DJX", True), "OEX": ("OEX", False), "XEO": ("XEO", False),
    "VIX": ("VIX", True), "VIXW": ("VIX", True),
}  # fmt: skip
#: Share classes: the option root drops the mark between name and class that the underlying is written with.
CLASS_ROOTS = {"BRKB": "BRK.B", "BFB": "BF.B", "BFA": "BF.A", "LENB": "LEN.B", "HEIA": "HEI.A", "MOGA": "MOG.A"}
_OCC = re.compile(r"([A-Z0-9]{1,6}) *(\d{2})(\d{2})(\d{2})([CP])(\d{8})")
_DXFEED = re.compile(r"\.([A-Z0-9/]{1,6}?)(\d{2})(\d{2})(\d{2})([CP])(\d{1,6}(?:\.\d{1,3})?)")


class Settlement(StrEnum):
    """When the price that a contract settles on is taken."""

    MORNING = "AM"
    AFTERNOON = "PM"


@dataclass(frozen=True, slots=True)
class Contract:
    """One listed contract by the root that it is listed under.

    Raises
    ------
    BadDataError
        On construction: a root that is none, a strike that is not between 0.001 and 99,999.999 or finer than a thousandth.
    """

    root: str
    expiry: date
    right: Right
    strike: Decimal

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z][A-Z./]{0,5}\d?", self.root) or len(self.root) > 6:
            raise BadDataError(
                f"{self.root!r} is no option root: up to six capital letters, at the end a digit after an adjustment"
            )
        thousandths = self.strike * 1000
        if not 0 < thousandths < 10**8 or thousandths != thousandths.to_integral_value():
            raise BadDataError(f"{self.root}: a strike of {self.strike} has no OCC symbol; it goes from 0.001 to 99999.999")
        if not 2000 <= self.expiry.year <= 2099:
            raise BadDataError(f"{self.root}: an expiry in {self.expiry.year} has no OCC symbol; it goes from 2000 to 2099")

    @property
    def underlying(self) -> str:
        """Symbol whose price moves the contract: of SPXW it is SPX, of BRKB it is BRK.B, of AAPL7 it is AAPL."""
        if self.root in INDEX_ROOTS:
            return INDEX_ROOTS[self.root][0]
        plain = self.root.rstrip("0123456789")
        return CLASS_ROOTS.get(plain, plain)

    @property
    def is_adjusted(self) -> bool:
        """Whether a corporate action changed what the contract delivers."""
        return self.root[-1].isdigit()

    @property
    def is_index(self) -> bool:
        """Whether it is settled in cash on an index, and European (OEX alone is American)."""
        return self.root in INDEX_ROOTS

    @property
    def settlement(self) -> Settlement:
        """Morning for the monthly index roots, else afternoon."""
        return Settlement.MORNING if INDEX_ROOTS.get(self.root, ("", False))[1] else Settlement.AFTERNOON

    @property
    def is_monthly(self) -> bool:
        """Whether it expires in the week of the third Friday, on Friday or, when that is a holiday, on Thursday.

        Before February 2015 contracts expired on the Saturday after.
        """
        day = self.expiry.day
        return {3: 14 <= day <= 20, 4: 15 <= day <= 21, 5: 16 <= day <= 22}.get(self.expiry.weekday(), False)

    def option(self) -> Option:
        """The contract as an instrument; its underlying is the root, so that its key is the OCC symbol.

        Raises
        ------
        BadDataError
            The contract is adjusted: what it delivers is not in its name.
        """
        if self.is_adjusted:
            raise BadDataError(f"{occ(self)} delivers something else than 100 shares; look its deliverable up before using it")
        return Option(self.root, self.expiry, self.right, self.strike)


def occ(contract: Contract) -> str:
    """OCC's 21 characters: ``SPXW  260320P05000000``."""
    return f"{contract.root:<6}{_tail(contract)}"


def compact(contract: Contract) -> str:
    """The same without the blanks."""
    return occ(contract).replace(" ", "")


def polygon(contract: Contract) -> str:
    """Polygon's name: ``O:SPXW260320P05000000``."""
    return f"O:{compact(contract)}"


def dxfeed(contract: Contract) -> str:
    """DxFeed's name: ``.SPXW260320P5000``, the strike without trailing zeros; share classes with a slash, ``.BRK/B260320C500``."""
    root = CLASS_ROOTS.get(contract.root, contract.root).replace(".", "/")
    return f".{root}{contract.expiry:%y%m%d}{contract.right}{contract.strike.normalize():f}"


@dataclass(frozen=True, slots=True)
class BrokerFields:
    """Fields that Interactive Brokers knows a contract by; `multiplier` is text there."""

    symbol: str
    trading_class: str
    expiry: str
    right: str
    strike: float
    multiplier: str = "100"


def broker_fields(contract: Contract) -> BrokerFields:
    """Interactive Brokers' fields: the symbol is the underlying, the trading class the root."""
    return BrokerFields(
        contract.underlying.replace(".", " "),
        contract.root,
        f"{contract.expiry:%Y%m%d}",
        str(contract.right),
        float(contract.strike),
    )


def from_broker_fields(fields: BrokerFields) -> Contract:
    """Read Interactive Brokers' fields back.

    Raises
    ------
    BadDataError
        An expiry or right that is none.
    """
    text = f"{fields.trading_class:<6}{fields.expiry[2:]}{fields.right}{round(fields.strike * 1000):08d}"
    if len(fields.expiry) != 8 or not fields.expiry.startswith("20"):
        raise BadDataError(f"{fields.expiry!r} is no expiry; the broker writes yyyymmdd")
    return parse(text)


def parse(text: str) -> Contract:
    """Read any of the text forms.

    Raises
    ------
    BadDataError
        The text is none of them, or its date does not exist.
    """
    plain = text.removeprefix("O:")
    found = _OCC.fullmatch(plain)
    if found is not None:
        root, year, month, day, right, strike = found.groups()
        return Contract(root, _date(text, year, month, day), Right(right), Decimal(int(strike)) / 1000)
    found = _DXFEED.fullmatch(text)
    if found is None:
        raise BadDataError(
            f"{text!r} is no option symbol; write it like 'AAPL  260320C00200000', 'O:AAPL260320C00200000' or '.AAPL260320C200'"
        )
    root, year, month, day, right, strike = found.groups()
    return Contract(root.replace("/", ""), _date(text, year, month, day), Right(right), Decimal(strike))


def _tail(contract: Contract) -> str:
    return f"{contract.expiry:%y%m%d}{contract.right}{int(contract.strike * 1000):08d}"


def _date(text: str, year: str, month: str, day: str) -> date:
    try:
        return date(2000 + int(year), int(month), int(day))
    except ValueError as error:
        raise BadDataError(f"{text!r} has no valid expiry date") from error
