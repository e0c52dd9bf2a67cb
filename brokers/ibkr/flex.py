"""Flex statements: movements that are no fill, which TWS does not tell. Read as text and exact decimals, never as floats.

Quantities and proceeds of a statement are signed changes already. A kind of row that is not known is left out and logged; the
difference that it makes stops the desk at the next comparison.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from xml.etree import ElementTree as ET

from brokers.ibkr.windows import NEW_YORK
from core.model.errors import BadDataError
from core.model.instruments import instrument
from core.model.money import ZERO
from core.model.orders import Movement, Transaction

LOG = logging.getLogger(__name__)

_EXPIRIES: Mapping[str, Movement] = MappingProxyType({
    "Assignment": Movement.ASSIGNMENT, "Exercise": Movement.EXERCISE, "Expiration": Movement.EXPIRY,
})  # fmt: skip
_DELIVERS = frozenset({"Assignment", "Exercise"})
_DIVIDENDS = frozenset({"Dividends", "Payment In Lieu Of Dividends", "Withholding Tax", "871(m) Withholding"})
_PER_SHARE = re.compile(r"(\d+(?:\.\d+)?)(?: [A-Z]{3})? PER SHARE")
_SPLIT = re.compile(r" SPLIT (\d+) FOR (\d+)")
_DETAILED = frozenset({"", "DETAIL"})
_CLOSE = 16
_TIME = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[;,T ]+(\d\d):?(\d\d):?(\d\d))?(?: E[SD]T)?")

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    """Whose rows are read: IB's number of the account, and its name in our books."""

    number: str
    account: str


def statement(body: bytes) -> ET.Element:
    """The document of a statement, or of the answer that there is none yet.

    Raises
    ------
    BadDataError
        It is not XML, or carries a document type.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise BadDataError("the Flex answer carries a document type; it is not read")
    try:
        return ET.fromstring(body)  # noqa: S314 - without document type and entities there is nothing to expand
    except ET.ParseError as error:
        raise BadDataError(f"the Flex answer is no XML ({error}); it begins with {body[:60]!r}") from error


def movements(document: ET.Element, names: Names) -> tuple[Transaction, ...]:
    """Every movement of the account, in order of time.

    Raises
    ------
    BadDataError
        A number or a time cannot be read, or the statement says nothing about the account.
    """
    if not any(one.get("accountId") == names.number for one in document.iter("FlexStatement")):
        raise BadDataError(f"the Flex statement is not about {names.number}; choose a query of that account")
    try:
        found = [
            *_expiries(_rows(document, "OptionEAE", names), names.account),
            *(_cash(row, names.account) for row in _rows(document, "CashTransaction", names)),
            *_corporate(_rows(document, "CorporateAction", names), names.account),
        ]
    except KeyError as error:
        raise BadDataError(f"the Flex statement has no column {error}; choose all columns of its sections") from error
    return tuple(sorted({one.id: one for one in found}.values(), key=lambda one: (one.at, one.id)))


def _rows(document: ET.Element, name: str, names: Names) -> list[Row]:
    """Rows of one kind in dollars, in detail (a summary repeats them)."""
    rows: Iterable[Row] = (element.attrib for element in document.iter(name))
    mine = [row for row in rows if row.get("accountId") == names.number and row.get("levelOfDetail", "") in _DETAILED]
    for row in mine:
        if row.get("currency") != "USD":
            LOG.warning("a %s in %s is left out: %s", name, row.get("currency"), row.get("description"))
    return [row for row in mine if row.get("currency") == "USD"]


def _expiries(rows: Sequence[Row], account: str) -> list[Transaction]:
    """Exercises, assignments and expiries, with the shares that they deliver."""
    kinds = {_delivery(row): _EXPIRIES[row["transactionType"]] for row in rows if row["transactionType"] in _DELIVERS}
    found = []
    for row in rows:
        stock = row.get("assetCategory") == "STK"
        shares = (row["date"], row["symbol"], _number(row["tradePrice"]), _number(row["quantity"]) > 0)
        kind = kinds.get(shares) if stock else _EXPIRIES.get(row["transactionType"])
        if kind is None:
            LOG.warning("an option event is not known: %s %s", row["transactionType"], row.get("description"))
            continue
        key = row["symbol"].replace(" ", ".") if stock else _option_key(row)
        number = row.get("tradeID") or f"{row['date']}-{row['conid']}-{row['transactionType']}"
        found.append(
            Transaction(
                f"eae-{number}", account, _instant(row["date"]), kind, key, _whole(row["quantity"]), _number(row["tradePrice"]),
                _number(row["proceeds"]),
            )
        )  # fmt: skip
    return found


def _delivery(row: Row) -> tuple[str, str, Decimal, bool]:
    """Which shares an exercise or assignment delivers: day, symbol, price, and whether they come to us."""
    comes = (_number(row["quantity"]) < 0) is (row["putCall"] == "C")
    return row["date"], row.get("underlyingSymbol", ""), _number(row["strike"]), comes


def _option_key(row: Row) -> str:
    """The OCC symbol of the statement is our key but for share classes, which have a point in ours."""
    root, rest = row["symbol"][:6].strip(), row["symbol"][6:]
    under = row.get("underlyingSymbol", "").replace(" ", ".")
    return instrument(f"{under if root == under.replace('.', '') else root:<6}{rest}").key


def _cash(row: Row, account: str) -> Transaction:
    """Dividends and their taxes belong to a stock; everything else is cash alone."""
    described, kind = row.get("description", ""), row["type"]
    key = row.get("symbol", "").replace(" ", ".") or None
    share = _PER_SHARE.search(described)
    at = row.get("dateTime") or row["reportDate"]
    number = row.get("transactionID") or f"{at}-{row.get('conid')}-{kind}-{row['amount']}"
    paid = kind in _DIVIDENDS and key is not None
    price = Decimal(share.group(1)) if share and kind != "Withholding Tax" and paid else ZERO
    movement = Movement.DIVIDEND if paid else Movement.DEPOSIT
    return Transaction(f"cash-{number}", account, _instant(at), movement, key if paid else None, 0, price, _number(row["amount"]))


def _corporate(rows: Sequence[Row], account: str) -> list[Transaction]:
    """Splits (the row of the old shares and that of the new ones are one movement), and what is bought out for cash."""
    found: dict[str, Transaction] = {}
    for row in rows:
        described, at = row.get("description", ""), _instant(row["dateTime"])
        ratio, quantity = _SPLIT.search(described), _whole(row["quantity"])
        key = row["symbol"].removesuffix(".OLD").replace(" ", ".")
        name = f"action-{row['dateTime']}-{key}"
        if ratio:
            before = found.get(name)
            price = Decimal(ratio.group(1)) / Decimal(ratio.group(2))
            whole = quantity + (before.quantity if before else 0)
            found[name] = Transaction(name, account, at, Movement.SPLIT, key, whole, price, ZERO)
        elif quantity < 0 and _number(row["proceeds"]) > 0:
            share = _PER_SHARE.search(described)
            price = Decimal(share.group(1)) if share else ZERO
            found[name] = Transaction(name, account, at, Movement.DELISTING, key, quantity, price, _number(row["proceeds"]))
        else:
            LOG.warning("a corporate action is not known: %s", described)
    return list(found.values())


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", "")) if text else ZERO
    except ArithmeticError as error:
        raise BadDataError(f"the Flex statement has {text!r} where a number belongs") from error
    if not number.is_finite():
        raise BadDataError(f"the Flex statement has {text!r} where a number belongs")
    return number


def _whole(text: str) -> int:
    number = _number(text)
    if number != int(number):
        raise BadDataError(f"the Flex statement moves {text} units; fractions are not supported")
    return int(number)


def _instant(text: str) -> datetime:
    """A time of New York in one of the formats that a query can be set to; a day alone is its close."""
    found = _TIME.fullmatch(text)
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in (found.groups() if found else ()))
        whole = datetime(year, month, day, hour if found and found[4] else _CLOSE, minute, second, tzinfo=NEW_YORK)
    except ValueError as error:
        raise BadDataError(f"the Flex statement has {text!r} where a time belongs; set the query to yyyyMMdd;HHmmss") from error
    return whole.astimezone(UTC)
