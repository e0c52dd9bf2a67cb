"""Planted secrets: through logs, notes, tracebacks, errors, reprs, database rows, encodings and broken lines, none may show."""

import json
import logging
import pickle
import subprocess
import sys
import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import aiohttp
import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bot import cards
from bot.hardening import forget
from bot.redact import TALKATIVE, Redactor, set_up, told
from bot.settings import load
from core.journal.journal import open_journal
from core.journal.masking import masked
from core.model.errors import RetryError
from core.model.mask import Mask, forms
from core.model.orders import OrderState
from core.model.proposals import ProposalState
from core.model.secrets import Secret
from core.ports.journal import Kill
from tests.journal.build import LATER, NOW, approval, envelope, note, order, proposal, vote

#: What tokens, keys and passwords are made of.
LETTERS = st.characters(min_codepoint=33, max_codepoint=126)
VALUES = st.text(LETTERS, min_size=12, max_size=60)
PLANTED = (
    "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAx.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789ab",
    "postgresql+asyncpg://desk:Tr0ub4dor&3xyz@host/db",
    "c0ffee-refresh-token-of-the-broker/with+signs==",
)


def hidden(text: str, *values: str) -> bool:
    return not any(form in text for value in values for form in forms(value, 12) if len(form) >= 12)


@settings(max_examples=400)
@given(VALUES, st.text(max_size=40), st.text(max_size=40))
def test_no_way_of_writing_a_secret_gets_past_the_mask(value: str, before: str, after: str) -> None:
    mask = Mask([Secret(value)])
    for form in forms(value, 12):
        assert hidden(mask(f"{before} {form} {after}"), value)


@settings(max_examples=400)
@given(VALUES, st.data())
def test_a_secret_that_is_broken_over_lines_gets_past_neither_mask_nor_log(value: str, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(1, len(value) - 1), min_size=1, max_size=4, unique=True))
    breaks = data.draw(st.lists(st.sampled_from(["\n", "\r\n", "\n    ", "\\n"]), min_size=len(places), max_size=len(places)))
    broken = value
    for place, cut in sorted(zip(places, breaks, strict=True), reverse=True):
        broken = broken[:place] + cut + broken[place:]
    pieces = [piece for piece in broken.replace("\\n", "\n").split() if len(piece) >= 6]
    record = logging.LogRecord("bot", logging.INFO, __file__, 1, "body: %s", (broken,), None)
    for shown in (Mask([Secret(value)])(f"body: {broken}!"), Redactor([Secret(value)]).format(record)):
        assert not any(piece in shown for piece in pieces)
        assert "***" in shown


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_a_text_without_a_secret_is_left_alone(text: str) -> None:
    assert Mask([Secret(value) for value in PLANTED])(text) == text


def test_secrets_show_in_no_log_line_no_traceback_and_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    secrets = [Secret(value) for value in PLANTED]
    try:
        set_up("debug", secrets)
        for value in PLANTED:
            _say(value)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    shown = capsys.readouterr()
    assert hidden(shown.out + shown.err, *PLANTED)
    assert shown.err.count("***") >= 4 * len(PLANTED)


def _say(value: str) -> None:
    """Every way in which the program writes to its log."""
    log = logging.getLogger("bot.test")
    log.info("plain %s", value)
    log.info("in a mapping %s", {"token": value, "again": [value]})
    log.debug("%r", RetryError(f"the answer was {value}"))
    log.warning("stack", stack_info=True)
    try:
        try:
            int(f"inner {value}")
        except ValueError as error:
            raise RuntimeError(f"outer {value}") from error
    except RuntimeError as error:
        error.add_note(f"note {value}")
        log.exception("it failed with %s", value)
    for name in TALKATIVE:
        child = logging.getLogger(f"{name}.http")
        child.debug("body of a request: %s", value)
        child.error("headers: %s", {"Authorization": f"Bot {value}"})


def test_even_with_its_debug_log_forced_on_a_library_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        set_up("debug", [Secret(PLANTED[0])])
        for name in ("discord.http", "httpx2", "aiohttp.client"):
            logging.getLogger(name).setLevel(logging.DEBUG)
            logging.getLogger(name).debug("POST with %s", {"authorization": f"Bot {PLANTED[0]}"})
    finally:
        for name in ("discord.http", "httpx2", "aiohttp.client"):
            logging.getLogger(name).setLevel(logging.NOTSET)
        root.handlers[:] = handlers
        root.setLevel(level)
    assert hidden(capsys.readouterr().err, PLANTED[0])


def test_nothing_that_a_program_can_do_with_a_secret_shows_it() -> None:
    secret = Secret(PLANTED[0])
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>60}", "%s" % secret, repr([secret]), repr({"a": secret})]  # noqa: UP031 - one more way
    shown.append(json.dumps({"token": secret}, default=str))
    for text in shown:
        assert PLANTED[0] not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert Mask([secret])("x") == "x"
    assert PLANTED[0] not in repr(Mask([secret]))


def test_settings_with_secrets_show_none_of_them() -> None:
    environment = {
        "DISCORD_TOKEN": PLANTED[0],
        "QUANTMATRIX_DATABASE_URL": PLANTED[1],
        "TASTYTRADE_CLIENT_SECRET": PLANTED[2],
        "TASTYTRADE_REFRESH_TOKEN": PLANTED[2],
    }
    chosen = load("broker: {name: tastytrade, account: 5WT00001}", environment)
    assert len(chosen.secrets) >= 4
    assert hidden(f"{chosen!r} {chosen} {chosen.config_hash}", *PLANTED)
    try:
        replace(chosen, nonsense=1)  # type: ignore[call-arg]  # so that a traceback is made of it
    except TypeError:
        assert hidden(traceback.format_exc(), *PLANTED)


@pytest.mark.parametrize("value", PLANTED)
def test_a_sentence_for_the_terminal_shows_no_secret_of_the_environment(value: str) -> None:
    assert hidden(told(f"quantmatrix: cannot use {value}", {"MY_API_KEY": value}), value)


def test_what_was_read_is_taken_out_of_the_environment() -> None:
    environment = {"DISCORD_TOKEN": f" {PLANTED[0]}\n", "HOME": "/root"}
    forget(environment, [Secret(PLANTED[0])])
    assert environment == {"HOME": "/root"}


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_no_row_of_the_journal_holds_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    text = " and ".join(PLANTED)
    journal = await open_journal(path, mask=Mask([Secret(value) for value in PLANTED], shortest=12))
    await journal.take_lease("test", NOW)
    of = replace(proposal(), remarks=(text,), signal=replace(proposal().signal, reason=text))
    told_note = replace(note("n1"), title=text, body=text, footer=text, fields=tuple(replace(f, value=text) for f in note().fields))
    outer = envelope(of)
    await journal.record_proposal(of, ProposalState.DRAFT, [told_note])
    await journal.proposal_posted(of.id, 1, 2, LATER)
    await journal.record_vote(vote())
    await journal.record_vote(replace(vote(voter=text, allowed=False), reason=text, at=NOW + timedelta(seconds=1)))
    await journal.claim(approval(of), outer, order(outer), NOW)
    await journal.mark_sending(order(outer).key, "abc", NOW)
    sent = replace(order(outer), state=OrderState.REJECTED, reason=text)
    await journal.record_order(sent, raw=json.dumps({"error": text, "wrapped": text[:30] + "\n" + text[30:]}))
    await journal.audit(text, "tried", {"headers": {"Authorization": text}, "list": [text]}, NOW)
    await journal.set_kill(Kill(2, "ann", text, NOW))
    await journal.set_setting("last error", text)
    (pending, *_) = await journal.pending_notes()
    await journal.note_failed(pending.seq, text, give_up=False)
    assert await journal.verify_audit() > 0
    await journal.close()
    written = everything_in(tmp_path)
    assert b"***" in written
    for value in PLANTED:
        assert value.encode() not in written
        assert value.encode("utf-16-le") not in written


def test_masking_gives_back_the_very_same_noun_where_nothing_is_secret() -> None:
    of = proposal()
    assert masked(of, Mask([Secret(PLANTED[0])], shortest=12)) is of


@given(VALUES)
def test_what_a_card_shows_holds_no_token(value: str) -> None:
    token = PLANTED[0]
    drawn = cards.embed(replace(note(), body=f"{value}: Authorization: Bot {token}", title=token, footer=f"by {token}"))
    assert token not in json.dumps(drawn.to_dict())


def test_an_error_of_the_http_client_shows_no_secret_in_the_log() -> None:
    headers = CIMultiDictProxy(CIMultiDict({"Authorization": f"Bearer {PLANTED[0]}"}))
    asked = aiohttp.RequestInfo(URL(f"https://desk:{quote(PLANTED[2], safe='')}@127.0.0.1:9/"), "GET", headers)
    error = aiohttp.ClientResponseError(asked, (), status=401, message=f"refused {PLANTED[0]}", headers=headers)
    assert PLANTED[0] in repr(error)
    record = logging.LogRecord("x", logging.ERROR, "", 1, "%s %r", (error, error), (type(error), error, None))
    assert hidden(Redactor([Secret(value) for value in PLANTED]).format(record), *PLANTED)


def test_f139_the_process_leaves_no_core_dump_and_lets_nobody_look_into_it() -> None:
    script = """
import ctypes, os, resource
from bot.hardening import harden
assert harden()
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0
print("hardened")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "hardened\n", done.stderr


def test_f139_an_error_that_nobody_caught_is_told_without_its_secrets() -> None:
    script = f"""
import threading, warnings
from bot.redact import catch_all, set_up
from bot.settings_secret import Secret
set_up("info", [Secret({PLANTED[0]!r})])
catch_all()
def fail():
    raise RuntimeError("thread {PLANTED[0]}")
thread = threading.Thread(target=fail); thread.start(); thread.join()
warnings.warn("warned {PLANTED[0]}")
class Late:
    def __del__(self):
        raise RuntimeError("late {PLANTED[0]}")
Late()
raise RuntimeError("main {PLANTED[0]}")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert hidden(done.stdout + done.stderr, PLANTED[0])
    for word in ("thread ***", "warned ***", "late ***", "main ***"):
        assert word in done.stderr


def test_discord_errors_that_quote_the_request_show_no_token() -> None:
    class Answer:
        status, reason = 401, "Unauthorized"

    error = discord.HTTPException(Answer(), {"code": 0, "message": f"401: token {PLANTED[0]}"})
    record = logging.LogRecord("discord", logging.ERROR, "", 1, "%s", (error,), None)
    assert hidden(Redactor([Secret(PLANTED[0])]).format(record), PLANTED[0])
