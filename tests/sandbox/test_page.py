"""The page, by clicks in headless Chromium."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.sandbox.server import Sandbox
from tests.sandbox.bots import Card, Desk, at_work, picture, serving, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def chromium() -> Path:
    """The browser; without it these tests are skipped loudly, and in CI they fail."""
    if CHROMIUM.exists():
        return CHROMIUM
    sentence = f"NOT TESTED BY CLICKS: {CHROMIUM} is missing; install the chromium package"
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """One browser for all tests here."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(browser: Browser, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serving(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def desk(sandbox: Sandbox) -> AsyncIterator[Desk]:
    async with at_work(sandbox) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, sandbox: Sandbox, desk: Desk) -> AsyncIterator[Page]:
    """The page as the owner sees it, bot online; any script error fails the test."""
    errors: list[str] = []
    opened = await browser.new_page(viewport={"width": 1280, "height": 860})
    opened.set_default_timeout(10_000)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    await opened.goto(sandbox.page_url)
    await expect(opened.locator("#link")).to_have_text("bot online")
    yield opened
    await opened.close()
    assert errors == []


async def go(page: Page, channel: str) -> None:
    await page.click(f"[data-channel={channel}]")
    await expect(page.locator("#channel-name")).to_have_text(channel)


async def send_card(sandbox: Sandbox, desk: Desk) -> discord.Message:
    embed = discord.Embed(title="Buy **now**", description="for <t:1700000000:D>", colour=0x2E8B57)
    embed.add_field(name="Price", value="100", inline=True).set_image(url="attachment://chart.png").set_footer(text="qm:1")
    file = discord.File(io.BytesIO(picture(64, 32)), "chart.png")
    message = await desk.room(sandbox.channels["trades"]).send("card", embed=embed, file=file, view=Card())
    await message.add_reaction("✅")
    return message


async def test_the_owner_approves_by_clicking_the_reaction_and_a_stranger_is_told_apart(
    sandbox: Sandbox, desk: Desk, page: Page
) -> None:
    await go(page, "trades")
    message = await send_card(sandbox, desk)
    await asyncio.wait_for(desk.reactions.get(), 5)
    shown = page.locator(f"[data-message='{message.id}']")
    reaction = shown.locator("[data-emoji='✅']")
    await expect(reaction).to_have_attribute("aria-pressed", "false")
    await reaction.click()
    assert (await asyncio.wait_for(desk.reactions.get(), 5)).user_id == sandbox.users["owner"]
    await expect(reaction).to_have_attribute("aria-pressed", "true")
    await expect(reaction.locator(".count")).to_have_text("2")
    await reaction.hover()
    await expect(reaction).to_have_attribute("title", "QuantMatrix, Olivia Owner")
    await page.click("[data-user=stranger]")
    await expect(reaction).to_have_attribute("aria-pressed", "false")
    await reaction.click()
    assert (await asyncio.wait_for(desk.reactions.get(), 5)).user_id == sandbox.users["stranger"]
    await expect(reaction.locator(".count")).to_have_text("3")
    await reaction.click()
    await expect(reaction.locator(".count")).to_have_text("2")


async def test_a_card_shows_its_embed_picture_buttons_and_menu(sandbox: Sandbox, desk: Desk, page: Page) -> None:
    message = await send_card(sandbox, desk)
    await expect(page.locator("[data-channel=trades] .unread")).to_have_text("1")
    await go(page, "trades")
    shown = page.locator(f"[data-message='{message.id}']")
    await expect(shown.locator(".tag")).to_have_text("BOT")
    await expect(shown.locator(".embed-title strong")).to_have_text("now")
    await expect(shown.locator(".embed-text time")).to_have_text("14 November 2023")
    await expect(shown.locator(".field dt")).to_have_text("Price")
    loaded = "image => image.complete && image.naturalWidth"
    assert await shown.locator(".embed-image img").evaluate(loaded) == 64
    await shown.locator(".many summary").click()
    await shown.get_by_label("alpha").check()
    await shown.get_by_label("gamma").check()
    await shown.get_by_role("button", name="Choose").click()
    await expect(page.locator(".message.private .content")).to_have_text("picked alpha, gamma")
    await shown.locator("[data-custom-id='test:approve']").click()
    await expect(shown.locator(".content").first).to_have_text(f"approved by {sandbox.users['owner']} (edited)")


async def test_a_form_opens_and_its_answer_is_private(sandbox: Sandbox, desk: Desk, page: Page) -> None:
    message = await send_card(sandbox, desk)
    await go(page, "trades")
    await page.locator(f"[data-message='{message.id}'] [data-custom-id='test:ask']").click()
    await expect(page.get_by_role("heading", name="Why?")).to_be_visible()
    await page.get_by_label("Reason").fill("too far from the mean")
    await page.get_by_role("button", name="Submit").click()
    answer = page.locator(".message.private")
    await expect(answer.locator(".content")).to_have_text("because too far from the mean")
    await expect(answer.locator(".only")).to_contain_text("Only you can see this")
    await page.click("[data-user=approver]")
    await expect(page.locator(".message.private")).to_have_count(0)


async def test_the_slash_box_completes_commands_choices_and_suggestions(sandbox: Sandbox, desk: Desk, page: Page) -> None:
    await go(page, "playground")
    await page.fill("#text", "/")
    await expect(page.locator("#completion [role=option]")).to_have_count(8)
    await page.fill("#text", "/desk t")
    await expect(page.locator("#completion [aria-selected=true] .completion-label")).to_have_text("/desk team list")
    await page.keyboard.press("Enter")
    await expect(page.locator(".command-chip")).to_have_text("/desk team list")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message .content").last).to_have_text("nobody")
    await expect(page.locator(".reply").last).to_contain_text("Olivia Owner used /desk team list")
    await page.fill("#text", "/find")
    await page.keyboard.press("Enter")
    await page.keyboard.type("am")
    await expect(page.locator("#completion [role=option]")).to_have_count(1)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message .content").last).to_have_text("found AMD")
    await page.fill("#text", "/ping")
    await page.keyboard.press("Enter")
    await page.click("[data-option=tone]")
    await page.locator("#completion [data-value=stern]").click()
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".message.private .content")).to_have_text("pong (stern)")


async def test_a_late_answer_is_thought_about_and_then_there(sandbox: Sandbox, desk: Desk, page: Page) -> None:
    await go(page, "playground")
    await sandbox.control.fault("PATCH", "@original", delay=0.6)
    await page.fill("#text", "/wait")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    await expect(page.locator(".thinking")).to_contain_text("QuantMatrix is thinking...")
    await expect(page.locator(".embed-title")).to_have_text("Later")
    await expect(page.locator(".thinking")).to_have_count(0)


async def test_what_people_write_is_shown_as_text_and_markdown_never_as_html(sandbox: Sandbox, desk: Desk, page: Page) -> None:
    await go(page, "playground")
    hostile = (
        "<img src=x onerror=alert(1)> **bold** `<b>code</b>` [bad](javascript:alert(1)) ||hidden|| <@" + str(sandbox.bot_id) + ">"
    )
    await page.fill("#text", hostile)
    await page.keyboard.press("Enter")
    shown = page.locator(".message .content").last
    await expect(shown.locator("strong")).to_have_text("bold")
    await expect(shown.locator("code")).to_have_text("<b>code</b>")
    await expect(shown.locator(".mention")).to_have_text("@QuantMatrix")
    await expect(shown).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(shown.locator("img, a")).to_have_count(0)
    assert await page.locator("#stream script").count() == 0
    name = "</meta><script>alert(2)</script>"
    await sandbox.control.do("add_channel", name=name)
    await expect(page.locator("#channels")).to_contain_text(name)


async def test_the_fault_panel_breaks_the_link_and_shows_the_requests(sandbox: Sandbox, desk: Desk, page: Page) -> None:
    await page.click("#faults-toggle")
    await page.click("[data-fault=cut]")
    await until(lambda: desk.resumes == 1, 10)
    await page.click("[data-fault=op9]")
    await until(lambda: desk.readies == 2, 10)
    await expect(page.locator("#link")).to_have_text("bot online")
    await page.click("[data-fault='503']")
    with pytest.raises(discord.DiscordServerError):
        await desk.room(sandbox.channels["status"]).send("x")
    await expect(page.locator(".log li b.bad").first).to_have_text("503")


async def test_edits_deletions_and_a_lost_bot_are_seen_at_once(sandbox: Sandbox, desk: Desk, page: Page) -> None:
    await go(page, "status")
    room = desk.room(sandbox.channels["status"])
    message = await room.send("first")
    shown = page.locator(f"[data-message='{message.id}']")
    await expect(shown.locator(".content")).to_have_text("first")
    await message.edit(content="second")
    await expect(shown.locator(".content")).to_have_text("second (edited)")
    await message.delete()
    await expect(shown).to_have_count(0)
    await desk.close()
    await expect(page.locator("#link")).to_have_text("bot offline")
    await expect(page.locator(".notice")).to_contain_text("nothing to do with the company")


async def test_a_long_talk_scrolls_back_and_tells_of_what_is_new_below(sandbox: Sandbox, desk: Desk, page: Page) -> None:
    room = desk.room(sandbox.channels["status"])
    for number in range(90):
        await room.send(f"line {number}")
    await go(page, "status")
    await expect(page.locator(".message")).to_have_count(60)
    await expect(page.locator(".message").last).to_be_in_viewport()
    await page.locator("#stream").evaluate("stream => { stream.scrollTop = 0; }")
    await expect(page.locator(".message")).to_have_count(90)
    await expect(page.locator(".content").first).to_have_text("line 0")
    await page.locator("#stream").evaluate("stream => { stream.scrollTop = 400; }")
    await room.send("the latest")
    await page.click("#latest")
    await expect(page.locator(".content").last).to_have_text("the latest")
    await expect(page.locator(".message").last).to_be_in_viewport()
    await expect(page.locator("#latest")).to_be_hidden()
