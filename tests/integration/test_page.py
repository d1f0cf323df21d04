"""The pages of a master and an agent in Debian's Chromium, over a real master and agent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.integration.browser import watched
from tests.integration.programs import Programs, Scheduler

TASK = "web-<b>1"
ROWS = 8


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """A master and an agent that runs a task, which writes a line whenever the file `go` grows."""
    made = Programs(tmp_path_factory.mktemp("page"))
    try:
        made.start_master("--cluster=paged", f"--log_dir={made.folder / 'logs'}")
        made.start_agent(f"--log_dir={made.folder / 'logs'}", "--attributes=rack:r1")
        scheduler = Scheduler(made.master_port)
        go = made.folder / "go"
        go.touch()
        offer = scheduler.event("OFFERS")["offers"][0]
        commands = {f"filler-{number}": "true" for number in range(ROWS)}
        commands[TASK] = f"echo '<script>document.title=1</script>'; exec tail -f {go}"
        tasks = [
            {
                "name": task_id,
                "task_id": {"value": task_id},
                "agent_id": offer["agent_id"],
                "resources": [
                    {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                    {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
                ],
                "command": {"value": command},
            }
            for task_id, command in commands.items()
        ]
        operation = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
        scheduler.call("ACCEPT", offer_ids=[offer["id"]], operations=[operation])
        yield made
    finally:
        made.stop()


@pytest.fixture
def page(browser_page: Page, programs: Programs) -> Iterator[Page]:
    """On the overview. Nothing that a test does may leave an error on the console."""
    with watched(browser_page):
        browser_page.set_viewport_size({"width": 1200, "height": 800})
        browser_page.goto("about:blank")
        browser_page.goto(f"http://127.0.0.1:{programs.master_port}/")
        yield browser_page


def test_overview_tells_what_the_cluster_has(page: Page) -> None:
    expect(page.get_by_role("heading", name="paged", level=2)).to_be_visible()
    expect(page.locator("dl.cards > div", has_text="CPUs")).to_contain_text("0.1 of 2")
    expect(page.locator("tbody tr")).to_contain_text([TASK])
    assert page.title().startswith("paged")


def test_every_page_is_reached_from_the_navigation(page: Page) -> None:
    for name in ("Agents", "Frameworks", "Tasks", "Offers", "Roles", "Maintenance"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=name, level=2)).to_be_visible()
        expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    page.get_by_role("navigation").get_by_role("link", name="Log").click()
    expect(page.locator("pre.log")).to_contain_text("This master leads")


def test_an_agent_shows_its_tasks_and_their_sandboxes(page: Page, programs: Programs) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Agents").click()
    page.locator("tbody a").click()
    expect(page.locator("dl.facts")).to_contain_text("rack: r1")
    expect(page.locator("tbody", has_text=TASK)).to_be_visible()
    page.get_by_role("link", name=f"Sandbox of {TASK}").click()
    page.get_by_role("link", name="stdout", exact=True).click()
    expect(page.locator("pre.log")).to_contain_text("<script>document.title=1</script>")
    with (programs.folder / "go").open("a") as file:
        file.write("a new line\n")
    expect(page.locator("pre.log")).to_contain_text("a new line")
    assert page.title() != "1"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert "a new line" in Path(download.value.path()).read_text()


def test_a_filter_keeps_the_focus_while_the_view_changes(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Tasks").click()
    page.get_by_role("searchbox").press_sequentially("filler-3", delay=50)
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert "tasks=filler-3" in page.url
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_keyboard_reaches_everything(page: Page) -> None:
    expect(page.locator("tbody tr").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("navigation").get_by_role("link", name="Agents")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Agents", level=2)).to_be_visible()


def test_a_narrow_screen_scrolls_down_only(page: Page) -> None:
    page.set_viewport_size({"width": 340, "height": 700})
    for name in ("Overview", "Agents", "Tasks", "Roles"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page.locator("tbody tr").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_agent_has_a_page_of_its_own(page: Page, programs: Programs) -> None:
    page.goto(f"http://127.0.0.1:{programs.agent_port}/")
    page.get_by_role("link", name=f"Sandbox of {TASK}").click()
    page.get_by_role("link", name="stderr", exact=True).click()
    expect(page.locator("main")).to_contain_text("The file is empty.")
    page.get_by_role("link", name="Log").click()
    expect(page.locator("pre.log")).to_contain_text("Registered")


def test_what_is_not_there_is_said(browser_page: Page, programs: Programs) -> None:
    browser_page.goto("about:blank")
    browser_page.goto(f"http://127.0.0.1:{programs.master_port}/#/agents/nobody")
    expect(browser_page.get_by_role("alert")).to_contain_text("No agent nobody")
    browser_page.goto(f"http://127.0.0.1:{programs.master_port}/#/nowhere")
    expect(browser_page.locator("main")).to_contain_text("There is no such page")


def test_pages_forbid_what_they_do_not_need(programs: Programs, page: Page) -> None:
    answer = page.request.get(f"http://127.0.0.1:{programs.master_port}/")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    for path in ("page/../__init__.py", "page/__init__.py", "page/master.html", "page/..%2f__init__.py"):
        assert page.request.get(f"http://127.0.0.1:{programs.master_port}/{path}").status == 404


def test_the_master_stands_in_for_a_browser_that_reaches_no_agent(page: Page, programs: Programs) -> None:
    agent = programs.state()["slaves"][0]["id"]
    base = f"http://127.0.0.1:{programs.master_port}/page/agents"
    assert re.search(r'"id":"' + agent, page.request.get(f"{base}/{agent}/state").text())
    assert page.request.get(f"{base}/{agent}/flags").status == 404
    assert page.request.get(f"{base}/nobody/state").status == 404
