"""Every scheduled post, found by its folder, meets the same cases on a real engine."""

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import core.posts
from bot.cards import embed
from bot.timetable import JOBS, Days, moment
from core.charts import draw
from core.model.errors import RetryError
from core.model.notes import Note, Topic
from core.ports.plugins import discover
from core.posts import Post
from tests.charts.test_charts import size
from tests.engine.rig import CALENDAR, Desk, desk
from tests.kit import nouns
from tests.posts import books

POSTS = discover(core.posts)
WEDNESDAY, SATURDAY = date(2024, 6, 12), date(2024, 6, 15)
Fill = Callable[[Desk], Awaitable[None]]


async def empty(_: Desk) -> None:
    """Nothing is held, nothing happened."""


async def blind(one: Desk) -> None:
    """Held positions, and a market that knows nothing: no index, no averages, no quotes, no calendar."""
    await books.small(one)
    nothing = dict.fromkeys(nouns.LEADER, float("nan"))
    one.market.names = {name: replace(nouns.symbol_view(name), features=nothing) for name in one.market.names}
    one.market.quoted_at = datetime(2024, 5, 1, tzinfo=UTC)


async def gone(one: Desk) -> None:
    """Held positions whose symbols left the universe."""
    await books.small(one)
    one.market.names = {"LEAD": nouns.symbol_view()}


FILLS = {"empty": empty, "small": books.small, "crowded": books.crowded, "blind": blind, "gone": gone}


def occasion(post: Post) -> datetime:
    """When the timetable calls the post, in the week of the builders' day."""
    job = next(job for job in JOBS if job.name == post.name)
    at = moment(job, SATURDAY if job.days is Days.SATURDAYS else WEDNESDAY, CALENDAR)
    assert at is not None
    return at


@pytest.fixture(params=list(POSTS.values()), ids=list(POSTS))
def post(request: pytest.FixtureRequest) -> Post:
    made: Post = request.param()
    return made


async def compose(post: Post, one: Desk) -> Note:
    at = occasion(post)
    one.clock.turn_to(at)
    return await post.compose(one.engine, at)


async def compose_all(folder: Path, fill: Fill) -> list[Note]:
    async with desk(folder, charts=True) as one:
        await one.engine.start()
        await fill(one)
        return [await compose(post, one) for post in sorted((made() for made in POSTS.values()), key=occasion)]


@pytest.mark.parametrize("fill", list(FILLS.values()), ids=list(FILLS))
async def test_every_post_renders_inside_discords_limits_and_says_only_what_was_computed(fill: Fill, tmp_path: Path) -> None:
    for note in await compose_all(tmp_path, fill):
        written = books.text(note)
        assert 0 < len(note.title) <= 256, written
        assert len(note.body) <= 4096, written
        assert len(note.fields) <= 25, written
        assert all(0 < len(field.name) <= 256 and 0 < len(field.value) <= 1024 for field in note.fields), written
        assert len(written) <= 5700, "too little room for the footer's id"
        drawn = embed(note)
        assert [field.value for field in drawn.fields] == [field.value for field in note.fields], "something was cut off"
        assert not re.search(r"\b(nan|inf|None|Decimal|True|False)\b", written), written
        assert note.chart is None or size(draw(note.chart)) == (450, 800)


async def test_the_same_occasion_writes_the_same_note_and_changes_nothing(post: Post, tmp_path: Path) -> None:
    async with desk(tmp_path, charts=True) as one:
        await one.engine.start()
        await books.small(one)
        first = await compose(post, one)
        before = (repr(one.engine.books), await one.journal.notes(), await one.journal.audit_rows(), await one.broker.positions())
        assert await compose(post, one) == first
        assert before == (
            repr(one.engine.books),
            await one.journal.notes(),
            await one.journal.audit_rows(),
            await one.broker.positions(),
        )
        one.later(days=7)
        later = await post.compose(one.engine, occasion(post) + timedelta(days=7))
    assert later.id != first.id


async def test_a_market_that_does_not_answer_is_an_error_and_not_an_empty_post(post: Post, tmp_path: Path) -> None:
    class Silent:
        async def view(self, **_: object) -> object:
            raise RetryError("the market does not answer")

    async with desk(tmp_path) as one:
        await one.engine.start()
        one.engine.market = Silent()  # type: ignore[assignment]  # a feed that is down
        with pytest.raises(RetryError):
            await post.compose(one.engine, occasion(post))


def test_it_is_a_frozen_dataclass_with_a_line_in_the_timetable(post: Post) -> None:
    assert is_dataclass(post)
    assert inspect.iscoroutinefunction(post.compose)
    assert post.name in {job.name for job in JOBS}
    for setting in fields(post):
        with pytest.raises(FrozenInstanceError):
            setattr(post, setting.name, 1)


async def test_it_goes_to_a_topic_and_names_its_source(post: Post, tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        note = await compose(post, one)
    assert isinstance(note.topic, Topic)
    assert note.footer.endswith("a table in memory")
    assert re.fullmatch(r"[\w.-]+", note.id), "an id that a footer can carry"
    assert note.chart is None, "pictures are switched off"
