"""From the bar store to a scan state, and back: a cold start reads a window and the saved recursions, not all of history.

The recursions after the last session lie in `recursions.bin` beside the matrices with a checksum and with what they were made of.
When that does not fit any more (a split was learned late, a bar went into quarantine, the file is damaged), they are made anew
from the bars.
"""

import json
import zlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from core.market.scan_state import KEEP, ScanState
from core.market.store import files
from core.market.store.matrices import Store
from core.model.market import ActionKind, Floats
from core.quant import recursions
from core.quant.recursions import Splits

#: Sessions that a rebuild starts from: the seed of an EMA of 200 days has then faded below one in a million.
LONG = 1_400
#: Sessions that a rebuild takes in one piece.
PIECE = 260


def open_state(store: Store, sessions: int = LONG) -> ScanState:
    """Build the scan state on the last completed session of the store; one column per listing, the gone ones included."""
    scan = ScanState(names(store))
    window = store.window(KEEP)
    state = _load(store)
    if state is None:
        state = _rebuild(store, max(len(store.days) - sessions, 0), recursions.fresh(len(store.universe)))
    scan.restore(window.days, window.bars, state)
    return scan


def save_state(store: Store, scan: ScanState) -> None:
    """Put the recursions beside the store, whole or not at all; the state must stand on the store's last session.

    Raises
    ------
    OperatorError
        The disk does not take them.
    """
    content = np.ascontiguousarray(scan.state).tobytes()
    head = {"day": store.days[-1].isoformat(), "columns": scan.state.shape[1], "made_of": _made_of(store, store.days[-1])}
    line = json.dumps(head | {"check": zlib.crc32(content)}).encode()
    files.replace(_path(store), line + b"\n" + content)


def names(store: Store) -> tuple[str, ...]:
    """Name each column: the symbol of a living listing, with its last day behind it for one that is gone."""
    living = [store.universe[column] for column in range(len(store.universe))]
    return tuple(one.symbol if one.last is None else f"{one.symbol}@{one.last}.{one.column}" for one in living)


def _load(store: Store) -> Floats | None:
    try:
        line, _, content = _path(store).read_bytes().partition(b"\n")
        head = json.loads(line)
        day, columns = date.fromisoformat(head["day"]), head["columns"]
        sound = head["check"] == zlib.crc32(content) and day in store.days[-PIECE:] and head["made_of"] == _made_of(store, day)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not sound:
        return None
    state = recursions.fresh(len(store.universe))
    state[:, :columns] = np.frombuffer(content).reshape(len(recursions.STATE), columns)
    return _rebuild(store, store.place(day), state)


def _rebuild(store: Store, start: int, state: Floats) -> Floats:
    """Take the sessions from a row on into the state, splits at their mornings."""
    everything = slice(0, len(store.universe))
    for first in range(start, len(store.days), PIECE):
        days = store.days[first : first + PIECE]
        window = store.window(len(days), days[-1], adjust=False)
        bars = np.where(np.isnan(window.bars[3]), np.nan, window.bars) if np.isnan(window.bars[3]).any() else window.bars
        before = store.days[first - 1] if first else date.min
        splits = store.actions.between(before, days[-1], ActionKind.SPLIT, everything)
        recursions.commit(state, bars, Splits.of([(_row(days, split.day), split.column, split.value) for split in splits]))
    return state


def _row(days: Sequence[date], day: date) -> int:
    return next(row for row, one in enumerate(days) if one >= day)


def _made_of(store: Store, day: date) -> int:
    splits = store.actions.between(date.min, day, ActionKind.SPLIT, slice(0, len(store.universe)))
    held = [one for one in store.quarantine.held() if one.day <= day]
    return zlib.crc32(repr((splits, held)).encode())


def _path(store: Store) -> Path:
    return store.folder / "recursions.bin"
