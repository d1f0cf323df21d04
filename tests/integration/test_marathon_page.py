"""Marathon's page in Debian's Chromium, over a real Marathon, master and agent."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import HttpCredentials, Locator, Page, expect

from tests.integration.browser import watched
from tests.integration.marathon import Marathon, site
from tests.integration.programs import Programs
from tests.integration.zookeeper import ZooKeeper

MARKUP = "<img src=x onerror=alert(1)>"
SMALL = {"cpus": 0.05, "mem": 16}
SLEEP = {**SMALL, "cmd": "exec sleep 1000"}
HOST_PORT = {"port": 0, "name": "http", "protocol": "tcp"}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    with site(tmp_path_factory.mktemp("marathon-page")) as programs:
        yield programs


@pytest.fixture(scope="module")
def marathon(programs: Programs) -> Iterator[Marathon]:
    made = Marathon(programs.folder, f"127.0.0.1:{programs.master_port}", f"file://{programs.folder / 'state'}")
    made.start("--disable_ha")
    made.until(lambda: made.get("/v2/info").json.get("frameworkId"))
    yield made
    made.kill()


@pytest.fixture
def page(browser_page: Page, marathon: Marathon) -> Iterator[Page]:
    """On the applications, of which there are none."""
    with watched(browser_page, refusals=True):
        browser_page.set_viewport_size({"width": 1200, "height": 800})
        browser_page.goto("about:blank")
        browser_page.goto(f"http://127.0.0.1:{marathon.port}/")
        yield browser_page
        browser_page.goto("about:blank")
    for group in marathon.get("/v2/groups").json["groups"]:
        marathon.change("DELETE", f"/v2/groups{group['id']}?force=true")
    for app in marathon.get("/v2/apps").json["apps"]:
        marathon.change("DELETE", f"/v2/apps{app['id']}?force=true")
    marathon.until_deployed()


def post(marathon: Marathon, id: str, **fields: Any) -> None:
    marathon.change("POST", "/v2/apps", {"id": id, **SLEEP, **fields})


def show(page: Page, id: str, part: str = "") -> None:
    page.evaluate("address => { location.hash = address }", f"#/apps/{id.replace('/', '%2F')}{part}")
    expect(page.get_by_role("heading", name=id, level=2)).to_be_visible()


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def at(page: Page, path: str) -> Locator:
    """The place of the form for a path of the definition."""
    return dialog(page).locator(f'[data-path="{path}"]')


def test_it_is_at_the_root_and_forbids_what_it_does_not_need(page: Page, marathon: Marathon) -> None:
    assert page.url == f"http://127.0.0.1:{marathon.port}/ui/"
    answer = page.request.get(page.url)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    script = marathon.get("/ui/page/marathon/main.js")
    assert script.headers["Content-Type"].endswith("/javascript")
    assert script.headers["Cache-Control"] == "no-cache"
    again = marathon.get("/ui/page/marathon/main.js", **{"If-None-Match": script.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    for path in ("page/../__init__.py", "page/marathon.html", "page/marathon/..%2fui.js", "page/marathon", "x"):
        assert marathon.get(f"/ui/{path}").status == 404


def test_the_master_s_page_leads_to_it(page: Page, marathon: Marathon, programs: Programs) -> None:
    page.goto(f"http://127.0.0.1:{programs.master_port}/#/frameworks")
    page.get_by_role("link", name="Open").click()
    expect(page).to_have_url(f"http://127.0.0.1:{marathon.port}/ui/")
    expect(page.get_by_text("No application runs yet.")).to_be_visible()


def test_an_app_is_made_by_the_form_with_errors_at_their_fields(page: Page, marathon: Marathon) -> None:
    expect(page.get_by_text("No application runs yet.")).to_be_visible()
    button(page, "New application").first.click()
    at(page, "/id").get_by_role("textbox").fill("/Wrong name")
    at(page, "/cmd").get_by_role("textbox").fill("exec python3 -m http.server $PORT0")
    at(page, "/mem").get_by_role("spinbutton").fill("-1")
    at(page, "/cpus").get_by_role("spinbutton").fill("0.05")
    button(dialog(page), "Add port").click()
    at(page, "/portDefinitions(0)/name").get_by_role("textbox").fill("http")
    button(dialog(page), "Add health check").click()
    at(page, "/healthChecks(0)/protocol").get_by_role("combobox").select_option("TCP")
    at(page, "/healthChecks(0)/portIndex").get_by_role("spinbutton").fill("7")
    at(page, "/healthChecks(0)/intervalSeconds").get_by_role("spinbutton").fill("1")
    button(dialog(page), "Create").click()
    expect(at(page, "/id")).to_contain_text("lower-case")
    expect(at(page, "/mem")).to_contain_text("must be at least 0")
    expect(at(page, "/healthChecks(0)")).to_contain_text("port indices")
    expect(at(page, "/id").get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
    expect(at(page, "/id").get_by_role("textbox")).to_be_focused()

    at(page, "/id").get_by_role("textbox").fill("/made")
    at(page, "/mem").get_by_role("spinbutton").fill("32")
    at(page, "/healthChecks(0)/portIndex").get_by_role("spinbutton").fill("0")
    button(dialog(page), "Add variable").click()
    at(page, "/env").get_by_label("Name of variable 1").fill("MODE")
    at(page, "/env").get_by_label("Value of variable 1").fill("fast")
    button(dialog(page), "Add constraint").click()
    at(page, "/constraints(0)/0").get_by_role("textbox").fill("")
    at(page, "/constraints(0)/0").get_by_role("textbox").fill("hostname")
    button(dialog(page), "Create").click()
    expect(page.get_by_role("heading", name="/made", level=2)).to_be_visible()
    expect(page.locator("tbody tr")).to_contain_text(["running"])
    made = marathon.get("/v2/apps/made").json["app"]
    assert made["env"] == {"MODE": "fast"}
    assert made["constraints"] == [["hostname", "UNIQUE"]]
    assert (made["mem"], made["portDefinitions"][0]["name"]) == (32, "http")


def test_form_and_json_are_in_step(page: Page, marathon: Marathon) -> None:
    button(page, "New application").first.click()
    at(page, "/id").get_by_role("textbox").fill("/both")
    dialog(page).get_by_role("tab", name="JSON").click()
    text = dialog(page).get_by_role("textbox", name="Definition as JSON")
    expect(text).to_have_value(re.compile('"id": "/both"'))
    text.fill('{"id": "/both", ')
    expect(dialog(page)).to_contain_text("This is no JSON.")
    expect(button(dialog(page), "Create")).to_be_disabled()
    dialog(page).get_by_role("tab", name="Form").click()
    expect(text).to_be_focused()
    text.fill(
        '{"id": "/both", "cmd": "exec sleep 99", "mem": "much", "user": "nobody", "container": {"type": "DOCKER",'
        ' "docker": {"image": "nginx", "network": "BRIDGE", "portMappings": [{"containerPort": 80, "hostPort": 0}]}}}'
    )
    button(dialog(page), "Create").click()
    expect(dialog(page).get_by_role("listitem")).to_contain_text(["/mem: must be a number"])
    dialog(page).get_by_role("tab", name="Form").click()
    expect(at(page, "/mem")).to_contain_text("must be a number")
    expect(at(page, "/container/docker/image").get_by_role("textbox")).to_have_value("nginx")
    expect(at(page, "/container/docker/portMappings(0)/containerPort").get_by_role("spinbutton")).to_have_value("80")
    at(page, "/mem").get_by_role("spinbutton").fill("16")
    at(page, "/container/type").get_by_role("combobox").select_option("")
    at(page, "/networks(0)/mode").get_by_role("combobox").select_option("host")
    expect(at(page, "/portDefinitions(0)")).to_be_visible()
    at(page, "/instances").get_by_role("spinbutton").fill("0")
    button(dialog(page), "Create").click()
    expect(page.get_by_role("heading", name="/both", level=2)).to_be_visible()
    made = marathon.get("/v2/apps/both").json["app"]
    assert (made["user"], made["networks"], made["instances"]) == ("nobody", [{"mode": "host"}], 0)
    assert "container" not in made or "docker" not in made["container"]


def test_an_instance_leads_to_its_port_its_sandbox_and_its_log(page: Page, marathon: Marathon) -> None:
    command = "echo hello-$TAG; exec python3 -m http.server $PORT0"
    check = {"protocol": "TCP", "portIndex": 0, "intervalSeconds": 1, "delaySeconds": 0}
    post(marathon, "/web", cmd=command, env={"TAG": "log"}, portDefinitions=[HOST_PORT], healthChecks=[check])
    marathon.until(lambda: marathon.running("/web"))
    task = marathon.running("/web")[0]
    show(page, "/web")
    row = page.locator("tbody tr")
    expect(row).to_contain_text(["healthy"])
    expect(page.get_by_role("img", name="1 healthy")).to_be_visible()
    port = f"{task['host']}:{task['ports'][0]}"
    expect(row.get_by_role("link", name=port)).to_have_attribute("href", f"http://{port}")
    with page.expect_popup() as opened:
        row.get_by_role("link", name="Sandbox of").click()
    expect(opened.value.get_by_role("link", name="stdout", exact=True)).to_be_visible()
    opened.value.close()
    row.get_by_role("link", name=task["id"], exact=True).click()
    expect(page.locator("dl.facts")).to_contain_text(task["slaveId"])
    expect(page.locator("tbody tr")).to_contain_text(["TCP port index 0"])
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Log of").click()
    expect(opened.value.locator("pre.log")).to_contain_text("hello-log")
    opened.value.close()


def test_scaled_restarted_killed_suspended_and_all_seen_live(page: Page, marathon: Marathon) -> None:
    post(marathon, "/life")
    show(page, "/life")
    rows = page.locator("tbody tr", has_text="running")
    expect(rows).to_have_count(1)
    first = rows.get_by_role("link").first.inner_text()
    button(page, "Scale").click()
    dialog(page).get_by_label("Instances").fill("2")
    page.keyboard.press("Enter")
    expect(dialog(page)).to_have_count(0)
    expect(rows).to_have_count(2)
    marathon.until_deployed()
    page.get_by_label(f"Mark {first}").check()
    button(page, "Kill 1 marked").click()
    dialog(page).get_by_label("Scale the app by one less").check()
    button(dialog(page), "Kill").click()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("link", name=first, exact=True)).to_have_count(0)
    marathon.until_deployed()
    second = rows.get_by_role("link").first.inner_text()
    button(page, "Restart").click()
    button(dialog(page), "Restart").click()
    expect(page.get_by_role("link", name=second, exact=True)).to_have_count(0)
    expect(rows).to_have_count(1)
    marathon.until_deployed()
    button(page, "Suspend").click()
    button(dialog(page), "Suspend").click()
    expect(page.get_by_text("It is suspended")).to_be_visible()
    marathon.change("PUT", "/v2/apps/life", {"instances": 3})  # by another one
    expect(rows).to_have_count(3)


def test_versions_are_compared_and_an_older_one_is_applied(page: Page, marathon: Marathon) -> None:
    post(marathon, "/old", instances=0, env={"COLOUR": "red"})
    marathon.until_deployed()
    first = marathon.get("/v2/apps/old").json["app"]["version"]
    show(page, "/old")
    button(page, "Edit").click()
    at(page, "/env").get_by_label("Value of variable 1").fill("blue")
    marathon.change("PUT", "/v2/apps/old", {"env": {"COLOUR": "green"}})  # by another one
    button(dialog(page), "Deploy the change").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("has been changed by somebody else")
    button(dialog(page), "Deploy the change").click()
    expect(dialog(page)).to_have_count(0)
    marathon.until_deployed()
    page.get_by_role("link", name="Configuration").click()
    page.get_by_label("Compare with").select_option(first)
    expect(page.locator(".diff .removed")).to_contain_text(['"COLOUR": "red"'])
    expect(page.locator(".diff .added")).to_contain_text(['"COLOUR": "blue"'])
    button(page, "Apply that version").click()
    button(dialog(page), "Apply").click()
    expect(dialog(page)).to_have_count(0)
    assert marathon.get("/v2/apps/old").json["app"]["env"] == {"COLOUR": "red"}


def test_a_locked_app_is_changed_by_force_only(page: Page, marathon: Marathon) -> None:
    post(marathon, "/stuck", cpus=1000)
    show(page, "/stuck")
    expect(page.get_by_text("Lacking: CPUs")).to_be_visible()
    page.get_by_role("link", name="Deployment", exact=True).click()
    expect(page.locator("ol.steps li.now")).to_contain_text("scale /stuck")
    page.get_by_role("navigation").get_by_role("link", name="Queue").click()
    expect(page.locator(".reasons tr", has_text="CPUs")).to_contain_text("1 of 1 lack it")
    page.get_by_text("The last offer that did not fit").click()
    expect(page.locator("details tbody tr")).to_contain_text(["CPUs"])
    show(page, "/stuck")
    button(page, "Scale").click()
    dialog(page).get_by_label("Instances").fill("0")
    button(dialog(page), "Scale").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("In the way: deployment")
    button(dialog(page), "Force it").click()
    expect(dialog(page)).to_have_count(0)
    marathon.until_deployed()
    assert marathon.get("/v2/apps/stuck").json["app"]["instances"] == 0


@pytest.mark.parametrize(("name", "left"), [("Roll back", []), ("Stop", ["/halted"])])
def test_a_deployment_is_rolled_back_or_stopped(page: Page, marathon: Marathon, name: str, left: list[str]) -> None:
    post(marathon, "/halted", cpus=1000)
    page.get_by_role("navigation").get_by_role("link", name="Deployments").click()
    page.get_by_role("button", name=re.compile(f"^{name} ")).click()
    button(dialog(page), name).click()
    expect(page.get_by_text("No deployment is under way.")).to_be_visible()
    assert [app["id"] for app in marathon.get("/v2/apps").json["apps"]] == left


def test_what_failed_last_is_told(page: Page, marathon: Marathon) -> None:
    post(marathon, "/bad", cmd="exit 3", backoffSeconds=600, maxLaunchDelaySeconds=3600)
    show(page, "/bad", "/debug")
    expect(page.get_by_text("Command exited with status 3")).to_be_visible()
    expect(page.locator("p.totals .state")).to_have_text("delayed")
    button(page, "Start /bad now").click()
    expect(page.get_by_text("/bad is started without waiting.")).to_be_visible()


def test_groups_are_folders_and_filters_look_below_them(page: Page, marathon: Marathon) -> None:
    post(marathon, "/shop/cart/api", instances=0, labels={"team": "red", "note": MARKUP})
    post(marathon, "/shop/search", instances=0, labels={"team": "blue"})
    post(marathon, "/alone", labels={"team": "red"})
    rows = page.locator("tbody tr")
    expect(rows).to_contain_text(["shop/ 2 apps", "alone"])
    button(page, "Running").click()
    button(page, "Running").click()
    expect(page.get_by_role("columnheader", name="Running")).to_have_attribute("aria-sort", "descending")
    expect(rows).to_contain_text(["alone", "shop/ 2 apps"])
    page.get_by_placeholder("Label").press_sequentially("team=red", delay=20)
    expect(rows).to_contain_text(["alone", f"note={MARKUP}"])
    expect(page.get_by_placeholder("Label")).to_be_focused()
    page.get_by_label("Any status").select_option("suspended")
    expect(rows).to_contain_text(["shop/cart/api"])
    page.reload()
    expect(rows).to_contain_text(["shop/cart/api"])
    button(page, "Clear").click()
    page.get_by_placeholder("Name").fill("NOTHING LIKE IT")
    expect(page.get_by_text("No application is like that.")).to_be_visible()
    button(page, "Clear").click()
    page.get_by_role("link", name="shop/").click()
    expect(rows).to_contain_text(["cart/ 1 app", "search"])
    button(page, "New group").click()
    dialog(page).get_by_label("Id").fill("/shop/empty")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="empty/").click()
    expect(page.get_by_text("This group is empty.")).to_be_visible()
    button(page, "Destroy group").click()
    dialog(page).get_by_label("type /shop/empty").fill("/shop/empty")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="shop", level=2)).to_be_visible()
    expect(page.get_by_role("link", name="empty/")).to_have_count(0)


def test_a_pod_is_made_shown_scaled_and_destroyed(page: Page, marathon: Marathon) -> None:
    container = {
        "name": "talker",
        "resources": SMALL,
        "exec": {"command": {"shell": "echo from-the-pod; exec sleep 1000"}},
        "endpoints": [{"name": "web", "hostPort": 0}],
    }
    button(page, "New pod").click()
    text = dialog(page).get_by_role("textbox", name="Definition as JSON")
    text.fill(json.dumps({"id": "/team/pod", "containers": [{**container, "name": "Bad name"}]}))
    button(dialog(page), "Create").click()
    expect(dialog(page).get_by_role("listitem")).to_contain_text(["/containers(0)/name"])
    text.fill(
        json.dumps({"id": "/team/pod", "containers": [container], "executorResources": {"cpus": 0.05, "mem": 32}})
    )
    button(dialog(page), "Create").click()
    expect(page.get_by_text("1 of 1 stable")).to_be_visible()
    row = page.locator("tbody tr", has_text="talker")
    expect(row).to_contain_text("web")
    with page.expect_popup() as opened:
        row.get_by_role("link", name="Log of").click()
    expect(opened.value.locator("pre.log")).to_contain_text("from-the-pod")
    opened.value.close()
    marathon.until_deployed()
    button(page, "Scale").click()
    dialog(page).get_by_label("Instances").fill("0")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No instance is wanted.")).to_be_visible()
    page.get_by_role("link", name="team", exact=True).click()
    expect(page.locator("tbody tr")).to_contain_text(["0 of 0"])
    page.get_by_role("link", name="pod", exact=True).click()
    marathon.until_deployed()
    button(page, "Destroy").click()
    dialog(page).get_by_label("type /team/pod").fill("/team/pod")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This group is empty.")).to_be_visible()


def test_destroying_needs_the_name_and_the_keyboard_is_enough(page: Page, marathon: Marathon) -> None:
    post(marathon, "/gone", instances=0)
    page.locator("tbody tr").first.wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.get_by_role("link", name="gone").focus()
    page.keyboard.press("Enter")
    destroy = button(page, "Destroy")
    destroy.focus()
    page.keyboard.press("Enter")
    expect(dialog(page).get_by_label("type /gone")).to_be_focused()
    for _ in range(6):  # in turn, and never out of the dialog
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    expect(destroy).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("/gon")
    expect(button(dialog(page), "Destroy")).to_be_disabled()
    page.keyboard.type("e")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No application runs yet.")).to_be_visible()


def test_what_was_typed_is_not_thrown_away_at_once(page: Page) -> None:
    button(page, "New application").first.click()
    at(page, "/cmd").get_by_role("textbox").fill("much work")
    page.keyboard.press("Escape")
    expect(dialog(page).get_by_role("alert")).to_contain_text("is not deployed")
    expect(at(page, "/cmd").get_by_role("textbox")).to_have_value("much work")
    button(dialog(page), "Discard").click()
    expect(dialog(page)).to_have_count(0)


def test_a_narrow_screen_scrolls_down_only(page: Page, marathon: Marathon) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    long = "/a-rather-long-name-of-a-group/and-a-longer-name-of-an-application"
    post(marathon, long, labels={"an-uncommonly-long-label-without-a-space": "and-a-value-that-is-no-shorter"})
    post(marathon, "/big", cpus=1000)
    marathon.until(lambda: marathon.running(long))

    def fits() -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    expect(page.locator("tbody tr").first).to_be_visible()
    fits()
    page.get_by_placeholder("Name").fill("longer")
    expect(page.locator("tbody tr")).to_have_count(1)
    fits()
    for part in ("", "/configuration", "/debug"):
        show(page, long, part)
        fits()
    button(page, "Edit").click()
    for name in ("Form", "JSON"):
        dialog(page).get_by_role("tab", name=name).click()
        fits()
        assert page.locator("dialog .body").evaluate("each => each.scrollWidth <= each.clientWidth")
    page.keyboard.press("Escape")
    for name in ("Deployments", "Queue", "About"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
        expect(page.locator("main h2")).to_be_visible()
        fits()


def test_a_thousand_apps_are_paged_and_found(page: Page, marathon: Marathon) -> None:
    apps = [{"id": f"app-{number:04}", "instances": 0, **SLEEP} for number in range(1000)]
    marathon.change("PUT", "/v2/groups/many", {"id": "/many", "apps": apps})
    page.get_by_role("link", name="many/").click()
    expect(page.locator("tbody tr")).to_have_count(100)
    expect(page.get_by_text("1 to 100 of 1,000")).to_be_visible()
    page.get_by_placeholder("Name").press_sequentially("app-077", delay=5)
    expect(page.locator("tbody tr")).to_have_count(10)


def test_a_lost_connection_is_told_and_found_again(browser_page: Page, marathon: Marathon) -> None:
    browser_page.goto(f"http://127.0.0.1:{marathon.port}/")
    expect(browser_page.get_by_text("Live")).to_be_visible()
    marathon.kill()
    expect(browser_page.get_by_role("alert")).to_contain_text("No answer from")
    expect(browser_page.get_by_text("Not connected")).to_be_visible()
    marathon.start("--disable_ha")
    expect(browser_page.get_by_role("alert")).to_have_count(0)
    expect(browser_page.get_by_text("Live")).to_be_visible()


def test_one_that_does_not_lead_shows_the_same_to_who_has_a_password(
    browser_page: Page, programs: Programs, zookeeper: ZooKeeper
) -> None:
    store = zookeeper.url("marathon-page")
    two = [Marathon(programs.folder, f"127.0.0.1:{programs.master_port}", store) for _ in range(2)]
    credentials: HttpCredentials = {"username": "ops", "password": "secret"}
    basic = "Basic " + base64.b64encode(b"ops:secret").decode()
    try:
        for each in two:
            each.start("--http_credentials", "ops:secret")
            each.until(lambda each=each: each.get("/v2/apps", Authorization=basic).status == 200)
        leader, other = sorted(
            two, key=lambda each: each.get("/v2/leader", Authorization=basic).json["leader"] != each.address
        )
        assert other.get("/ui/").status == 401
        browser = browser_page.context.browser
        assert browser
        page = browser.new_page(http_credentials=credentials)
        with watched(page):
            page.goto(f"http://{other.address}/")
            expect(page.get_by_text("Live, through another Marathon")).to_be_visible()
            body = {"id": "/through", "instances": 0, **SLEEP}
            assert leader.request("POST", "/v2/apps", body, Authorization=basic).status == 201
            page.get_by_role("link", name="through").click()
            button(page, "Destroy").click()
            dialog(page).get_by_label("type /through").fill("/through")
            page.keyboard.press("Enter")
            expect(page.get_by_text("No application runs yet.")).to_be_visible()
        page.close()
    finally:
        for each in two:
            each.kill()
