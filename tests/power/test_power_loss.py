"""The current fails between any two fsyncs of a road: the journal says one commit or the next, whole, and its audit holds."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from core.journal.journal import open_journal
from core.model.errors import OperatorError
from tests.engine.rig import desk
from tests.power.images import Image, images
from tests.power.tape import Moment, put, recording, says


async def road(folder: Path, patch: pytest.MonkeyPatch) -> list[Moment]:
    """From the first signal to the exit, and a checkpoint at the end."""
    with recording(folder / "journal.db", folder / "scratch.db", patch) as tape:
        async with desk(folder) as one:
            position = await one.buy()
            for pending in await one.journal.pending_notes():
                await one.journal.note_delivered(pending.seq, 5, pending.seq, one.clock.now())
            one.market.prices["LEAD"] = 92.0
            await one.tick()
            await one.tick()
            assert position.id not in one.engine.books.positions
    patch.undo()
    return tape.moments


async def verified(file: Path) -> None:
    """Open and walk the audit."""
    journal = await open_journal(file)
    try:
        await journal.verify_audit()
    finally:
        await journal.close()


async def reopened(file: Path, image: Image) -> str:
    """What the journal says after a start on that disk; its audit is verified."""
    put(file, image.database, image.ahead)
    await verified(file)
    put(file, image.database, image.ahead)
    return says(file)


async def test_f021_a_power_cut_at_any_fsync_boundary_leaves_a_committed_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = await road(tmp_path, monkeypatch)
    assert len({moment.says for moment in moments}) > 20, "the road wrote almost nothing"
    dice, kinds, seen = random.Random(7), Counter[str](), Counter[bool]()
    for before, after in pairwise(moments):
        for image in images(before, after, dice):
            found = await reopened(tmp_path / "image.db", image)
            assert found in image.legal, f"{image.name}: the journal says something that was never committed"
            kinds[image.name.split()[0]] += 1
            seen[found == after.says] += 1
    assert sum(kinds.values()) > 300
    assert {"cut", "torn", "checkpoint"} <= set(kinds)
    assert min(seen.values()) > 0, "both the commit and the one before it were seen"


async def test_f021_a_cut_that_is_too_early_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rig itself: without the tail that an fsync promised, the journal says an older commit, which is not legal there."""
    moments = [moment for moment in await road(tmp_path, monkeypatch) if moment.ahead]
    before, after = next((one, two) for one, two in pairwise(moments[10:]) if one.says != two.says and len(one.ahead) > 9000)
    early = Image("too early", before.database, before.ahead[: len(before.ahead) - 4120], frozenset({before.says, after.says}))
    assert await reopened(tmp_path / "image.db", early) not in early.legal


async def test_a_database_cut_in_half_is_refused_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (*_, last) = await road(tmp_path, monkeypatch)
    file = tmp_path / "half.db"
    put(file, last.database[: len(last.database) // 2 + 100], b"")
    with pytest.raises(OperatorError, match="restore"):
        await verified(file)
