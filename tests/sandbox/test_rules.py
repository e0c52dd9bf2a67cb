"""Rules of time and state that Discord's OpenAPI document does not know, with time turned by hand."""

import pytest

from bot.sandbox import interactions, messages, reactions
from bot.sandbox.buckets import Buckets
from bot.sandbox.errors import WireError
from bot.sandbox.interactions import (
    AUTOCOMPLETE,
    CHOICES,
    COMPONENT,
    DEFER,
    DEFER_UPDATE,
    MODAL,
    MODAL_SUBMIT,
    REPLY,
    SLASH,
    UPDATE,
)
from bot.sandbox.limits import EPHEMERAL, LOADING
from bot.sandbox.uploads import Body
from tests.sandbox.worlds import START, answer, person, room, send, turn, use, world


def refusal(call: object) -> tuple[int, int]:
    """Status and code that a call is refused with."""
    assert callable(call)
    with pytest.raises(WireError) as caught:
        call()
    return caught.value.status, caught.value.code


def test_the_first_answer_must_come_within_three_seconds() -> None:
    made = world()
    in_time, late = use(made), use(made)
    turn(made, 3.0)
    answer(made, in_time, REPLY, content="just so")
    turn(made, 0.001)
    assert refusal(lambda: answer(made, late, REPLY, content="no")) == (404, 10062)


def test_a_second_answer_is_refused() -> None:
    made = world()
    record = use(made)
    answer(made, record, DEFER)
    assert refusal(lambda: answer(made, record, REPLY, content="again")) == (400, 40060)


def test_a_wrong_token_is_an_unknown_interaction() -> None:
    made = world()
    record = use(made)
    assert refusal(lambda: interactions.answer(made, record["id"], "wrong", Body({"type": REPLY}))) == (404, 10062)


def test_follow_ups_need_an_answer_and_end_after_fifteen_minutes() -> None:
    made = world()
    record = use(made)
    application = made.state.ids["application"]
    assert refusal(lambda: interactions.by_token(made, application, record["token"])) == (404, 10015)
    answer(made, record, REPLY, content="first")
    turn(made, 900)
    interactions.follow_up(made, interactions.by_token(made, application, record["token"]), Body({"content": "still"}))
    turn(made, 1)
    assert refusal(lambda: interactions.by_token(made, application, record["token"])) == (401, 50027)


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (SLASH, {REPLY, DEFER, MODAL}),
        (COMPONENT, {REPLY, DEFER, DEFER_UPDATE, UPDATE, MODAL}),
        (AUTOCOMPLETE, {CHOICES}),
        (MODAL_SUBMIT, {REPLY, DEFER}),
    ],
)
def test_each_interaction_takes_its_own_answers_alone(kind: int, allowed: set[int]) -> None:
    modal = {
        "custom_id": "m",
        "title": "M",
        "components": [{"type": 1, "components": [{"type": 4, "custom_id": "t", "label": "T"}]}],
    }
    taken = set()
    for reply in range(1, 13):
        made = world()
        message = send(made, content="card") if kind == COMPONENT else None
        opener = use(made)
        record = use(made, kind, message)
        record["opened_by"] = opener["id"]
        try:
            answer(made, record, reply, **({"choices": []} if reply == CHOICES else modal if reply == MODAL else {"content": "x"}))
        except WireError as error:
            assert (error.status, error.code) == (400, 50035)  # noqa: PT017 - the other branch is a valid outcome
        else:
            taken.add(reply)
    assert taken == allowed


def test_the_first_follow_up_after_a_deferral_fills_it_and_keeps_it_private() -> None:
    made = world()
    record = use(made)
    answer(made, record, DEFER, flags=EPHEMERAL)
    waiting = interactions.message_of(made, record, "@original")
    assert waiting.body["flags"] == EPHEMERAL | LOADING
    filled = interactions.follow_up(made, record, Body({"content": "here", "flags": 0}))
    assert filled.id == waiting.id
    assert (filled.body["flags"], filled.audience) == (EPHEMERAL, person(made))
    second = interactions.follow_up(made, record, Body({"content": "more"}))
    assert (second.id != waiting.id, second.audience) == (True, None)
    assert refusal(lambda: messages.get(made, room(made), filled.id)) == (404, 10008)


def test_a_nonce_is_remembered_for_minutes() -> None:
    made = world()
    first = send(made, content="a", nonce="n", enforce_nonce=True)
    turn(made, 299)
    assert send(made, content="b", nonce="n", enforce_nonce=True).id == first.id
    assert send(made, content="c", nonce="n").id != first.id
    turn(made, 2)
    assert send(made, content="d", nonce="n", enforce_nonce=True).id != first.id


def test_a_message_takes_twenty_emoji_and_no_letters() -> None:
    made = world()
    message = send(made, content="card")
    for number in range(20):
        reactions.add(made, message, person(made), chr(0x1F600 + number))
    assert refusal(lambda: reactions.add(made, message, person(made), "✅")) == (400, 30010)
    assert reactions.add(made, message, person(made, "stranger"), chr(0x1F600)) is True
    for wrong in ("ok", "", "<b>", "✅ and more than one emoji can hold"):
        assert refusal(lambda text=wrong: reactions.add(made, message, person(made), text)) == (400, 10014)


def test_snowflakes_are_the_clock_and_a_counter_and_only_grow() -> None:
    made, twin = world(), world()
    assert [made.next_id() for _ in range(3)] == [twin.next_id() for _ in range(3)]
    before = int(made.next_id())
    turn(made, -3600)
    assert int(made.next_id()) == before + 1
    turn(made, 7200)
    assert int(made.next_id()) >> 22 == int((START.timestamp() + 3600 - 1420070400) * 1000)


def test_a_bucket_lets_five_through_and_tells_when_to_come_back() -> None:
    buckets = Buckets()
    path = "/channels/1/messages"
    grants = [buckets.take("POST", path, 10.0, START) for _ in range(6)]
    assert [grant.allowed for grant in grants] == [True] * 5 + [False]
    assert [grant.headers["X-RateLimit-Remaining"] for grant in grants] == ["4", "3", "2", "1", "0", "0"]
    assert (grants[-1].scope, grants[-1].retry_after) == ("user", 5.0)
    assert buckets.take("POST", "/channels/2/messages", 10.0, START).allowed
    assert buckets.take("POST", path, 15.0, START).allowed


def test_fifty_requests_a_second_are_the_limit_of_all_but_interactions() -> None:
    buckets = Buckets()
    grants = [buckets.take("GET", f"/channels/{number}", 0.5, START) for number in range(51)]
    assert [grant.allowed for grant in grants] == [True] * 50 + [False]
    assert grants[-1].scope == "global"
    assert buckets.take("POST", "/interactions/1/t/callback", 0.5, START).allowed
    assert buckets.take("GET", "/channels/99", 1.5, START).allowed
