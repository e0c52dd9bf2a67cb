"""What `make run` promises, by the clicks of a stranger: one line, a page, a card, a fill, a restart."""

import os
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FloatRect, Locator, Page, async_playwright, expect

from tests.demo.child import PATIENCE, Demo, note_ids, running, said, settings, text, until
from tests.sandbox.test_page import CHROMIUM, FLAGS, chromium

__all__ = ["chromium"]
YES = "✅"
LONG = PATIENCE * 1000
CHANNELS = ("signals", "trades", "portfolio", "morning-brew", "status", "playground")


@pytest.fixture
async def page(chromium: Path) -> AsyncIterator[Page]:
    """A browser; any script error fails the test."""
    errors: list[str] = []
    async with async_playwright() as playwright:
        browser: Browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = await browser.new_page(viewport={"width": 1120, "height": 900})
        opened.set_default_timeout(LONG)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
        await browser.close()
    assert errors == []


async def go(page: Page, channel: str) -> None:
    await page.click(f"[data-channel={channel}]")
    await expect(page.locator("#channel-name")).to_have_text(channel)


async def typed(page: Page, line: str) -> Locator:
    """Type a line into the slash box; the newest message, which is its answer once it says what is expected."""
    await page.fill("#text", line)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    return page.locator(".message").last


async def test_a_stranger_sees_a_desk_at_work_and_the_owners_click_buys(tmp_path: Path, page: Page) -> None:
    settings(tmp_path)
    async with running(tmp_path) as demo:
        await page.goto(demo.address)
        await expect(page.locator("#link")).to_have_text("bot online", timeout=LONG)
        await sees_the_morning(page)
        await go(page, "trades")
        card = await open_card(page)
        await page.click("[data-user=stranger]")
        await card.locator(f"[data-emoji='{YES}']").click()
        assert "not on the list of approvers" in (await demo.audited("vote not allowed"))[0]
        await expect(card.locator(".embed-title")).to_contain_text("?")
        assert demo.asked("SELECT count(*) FROM envelope") == [(0,)]
        await card.locator(f"[data-emoji='{YES}']").click()
        await page.click("[data-user=owner]")
        await card.locator(f"[data-emoji='{YES}']").click()
        fill = page.locator(".message", has=page.get_by_text(re.compile(r": opened \(entry\)$"))).last
        await expect(fill).to_contain_text(re.compile(r"BUY \d+ × .* at \d"), timeout=LONG)
        await expect(card.locator(".embed-title")).to_contain_text("approved")
        await keep_picture(page, card, fill)
        await the_slash_box_answers(page)
        status, out, err = await demo.stop()
    assert (status, out, err) == (0, "", ""), "one line in all, and no traceback"
    assert demo.line.count("\n") == 1


async def sees_the_morning(page: Page) -> None:
    """The brew, and at least one signal whose chart has loaded."""
    await go(page, "morning-brew")
    await expect(page.locator(".embed-title").first).to_contain_text("Morning brew", timeout=LONG)
    await go(page, "signals")
    await expect(page.locator(".embed-title").first).to_contain_text("ATR Matrix set-up", timeout=LONG)
    charts = page.locator(".embed-image img")
    assert await charts.count() == await page.locator(".embed").count(), "a chart each"
    await charts.first.scroll_into_view_if_needed()
    await expect(charts.first).to_have_js_property("complete", True)
    assert await charts.first.evaluate("image => image.naturalWidth") > 400


async def open_card(page: Page) -> Locator:
    """The first card with both reactions."""
    card = page.locator(".message", has=page.locator("[data-custom-id]")).first
    await expect(card.locator(".reaction[data-emoji]")).to_have_count(2, timeout=LONG)
    identity = await card.get_attribute("data-message")
    return page.locator(f"[data-message='{identity}']")


async def the_slash_box_answers(page: Page) -> None:
    """Each group answers; what is wrong gets one sentence."""
    await go(page, "playground")
    for line, words in (
        ("/status show", "Service targets"),
        ("/signals list", "score"),
        ("/portfolio summary", "Net liquidation"),
        ("/portfolio risk", "heat of ATR Matrix"),
        ("/trades history", "BUY"),
        ("/signals explain symbol:ZZZZ", "ZZZZ is not in the universe"),
    ):
        await expect(await typed(page, line)).to_contain_text(words, timeout=LONG)
    await typed(page, "/sell everything")
    await expect(page.locator("#toasts")).to_contain_text("There is no command /sell everything")


async def keep_picture(page: Page, card: Locator, fill: Locator) -> None:
    """With QUANTMATRIX_PICTURES: the approved card and its fill, as the page shows them."""
    folder = os.environ.get("QUANTMATRIX_PICTURES")
    if not folder:
        return
    keep = [await one.get_attribute("data-message") for one in (card, fill)]
    only = "keep => document.querySelectorAll('#stream > *').forEach(one => keep.includes(one.dataset.message) || one.remove())"
    await page.evaluate(only, keep)
    await page.mouse.move(0, 0)
    main, end = await page.locator(".main").bounding_box(), await fill.bounding_box()
    assert main
    assert end
    height = end["y"] + end["height"] + 16 - main["y"]
    clip: FloatRect = {"x": main["x"], "y": main["y"], "width": main["width"], "height": height}
    await page.screenshot(path=Path(folder) / "approval.png", clip=clip)


async def test_after_ctrl_c_the_same_command_goes_on_where_it_stopped(tmp_path: Path) -> None:
    settings(tmp_path, sessions=1)
    async with running(tmp_path) as demo:
        cards = await demo.cards()
        told = note_ids([message for channel in CHANNELS for message in await demo.user("owner").see(channel)])
        refused = await demo.user("stranger").click(cards[0]["id"], custom_id(cards[0]))
        assert "may not" in refused.text or "not on the list" in refused.text
        assert refused.private
        assert "not on the list of approvers" in (await demo.audited("vote not allowed"))[0]
        await only_one_runs(tmp_path)
        assert await demo.stop() == (0, "", "")
    async with running(tmp_path) as again:
        await again.online()
        approved = await again.user("owner").click(cards[0]["id"], custom_id(cards[0]))
        assert "Approved" in approved.text
        (fill,) = await again.posted("trades", "opened (entry)")
        assert re.search(r"BUY \d+ × .+ at \d", text(fill))
        for card in (await again.cards())[:1] if len(cards) > 1 else ():
            await again.user("approver").react(card["id"], "❌")
        assert await again.stop() == (0, "", "")
    async with running(tmp_path) as last:
        await decline_the_rest(last)
        await last.posted("trades", "closed (time)")
        digest = (await last.posted("portfolio", "Use of the limits"))[0]
        assert digest["embeds"][0]["image"]["width"] > 400, "the day closes with a picture of the equity"
        messages = [message for channel in CHANNELS for message in await last.user("owner").see(channel)]
        ids = note_ids(messages)
        assert len(ids) == len(set(ids)), "no note is told twice"
        assert {one for one in told if not one.startswith("card-")} <= set(ids)
        assert (await last.stop())[0] == 0


def custom_id(card: dict[str, object], which: int = 0) -> str:
    """Id of a button of a card: 0 approves, 1 vetoes."""
    found = re.findall(r"'custom_id': '([^']+)'", str(card["components"]))
    return str(found[which])


async def decline_the_rest(demo: Demo) -> None:
    """Veto every open card, so that time runs fast again; later ones too."""

    async def quiet() -> bool | None:
        pending = [card for card in await demo.user("owner").see("trades") if card["components"]]
        for card in pending:
            await demo.user("owner").react(card["id"], "❌")
        closed = [message for message in await demo.user("owner").see("trades") if "closed (time)" in text(message)]
        return bool(closed) or None

    await until(quiet, "the exit after one session")


async def only_one_runs(folder: Path) -> None:
    """A second demo on the same folder says one sentence and touches nothing, even when told to begin anew."""
    for more in ((), ("--fresh",)):
        status, out, err = await said(folder, "demo", "--config", "config.yaml", *more)
        assert (status, out) == (75, "")
        assert err == "quantmatrix: another demo runs in demo; stop it first, or name another demo.folder\n"
    assert (folder / "demo" / "journal.db").exists()


async def test_a_port_that_is_in_use_gets_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings(tmp_path, port=port)
        status, out, err = await said(tmp_path, "demo", "--config", "config.yaml")
    assert (status, out) == (1, "")
    assert err.startswith(f"quantmatrix: port {port} on 127.0.0.1 cannot be used")
    assert err.count("\n") == 1
