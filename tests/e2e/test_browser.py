"""The page behind the unsubscribe link, in a real browser: what a person sees
and presses. Needs chromium, chromium-driver and python3-selenium, which
`contrib/check --full` installs; without them these tests are skipped."""

import shutil
import tempfile

import pytest

from bed import bed as beds
from bed import conf, judge, mail, web

webdriver = pytest.importorskip(
    "selenium.webdriver", reason="python3-selenium is not installed")
from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

pytestmark = [pytest.mark.long, pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="chromium or chromium-driver is not installed")]

NEWS = "news@example.com"
PURPOSES = """
purpose events {
  title    = "Fairs & <b>more</b>"
  title-de = "Märkte"
}
"""
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars")
PHONE, DESKTOP = (320, 640), (1280, 900)
WAIT_S = 80

# What the page shows, all at one moment: an element found in one call may
# belong to the page before by the time of the next.
SHOWN = """
if (document.readyState != 'complete') return null;
return [document.querySelector('h1').innerText, document.title,
  [...document.querySelectorAll('button')].map(e => e.innerText)];
"""
# The least contrast of any text with what is behind it (WCAG 2.1), with the
# text that has it; colours as the browser computed them.
CONTRAST = """
const light = c => { c /= 255;
  return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const luminance = c => 0.2126 * light(c[0]) + 0.7152 * light(c[1]) +
  0.0722 * light(c[2]);
const colour = text => text.match(/[0-9.]+/g).map(Number);
const behind = e => { for (; e; e = e.parentElement) {
  const c = colour(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c; }
  return [255, 255, 255]; };
return [...document.querySelectorAll('h1, p, strong, button')].map(e => {
  const a = luminance(colour(getComputedStyle(e).color)) + 0.05,
        b = luminance(behind(e)) + 0.05;
  return [Math.max(a, b) / Math.min(a, b), e.textContent];
}).sort((x, y) => x[0] - y[0])[0];
"""


@pytest.fixture(scope="module")
def bed(build):
    """MTA, milter and agent; two purposes."""
    policy = conf.PolicyText(basis="legitimate-interest",
                             person_cap="100 per 7d",
                             segment_cap="100 per 7d",
                             webinar_purpose="events", purposes=PURPOSES)
    with beds.Bed(build, policy=policy) as one:
        one.start_milter()
        one.start_agent()
        one.start_hub()
        yield one


@pytest.fixture
def browser():
    """Function that starts a browser of that language, without any past."""
    started = []

    def start(language="en"):
        profile = tempfile.mkdtemp(prefix="tendril-browser-")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.add_experimental_option(
            "prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(
            service=Service(shutil.which("chromedriver")), options=options)
        started.append((driver, profile))
        return driver

    yield start
    for driver, profile in started:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


def link_of(bed, person, segment="newsletter"):
    """The page's address in a message to that person, as behind the proxy."""
    data = mail.message(NEWS, person, "News",
                        fields=(("X-Tendril-Segment", segment),))
    assert mail.submit(bed.ports["apps"], NEWS, [person],
                       data).final[0] == 250
    (link,), _ = judge.unsubscribe_uris(bed.sink.wait(person)[-1].data)
    return link.replace(bed.conf.base_url,
                        f"http://127.0.0.1:{bed.ports['web']}")


def consent(bed, person):
    """{purpose: state} and the history of a person."""
    said = web.Api(bed.conf.api).call("GET", f"/v1/consent?address={person}")
    return {one["purpose"]: one["state"]
            for one in said["purposes"]}, said["history"]


def is_suppressed(bed, person):
    return web.Api(bed.conf.api).call(
        "GET", f"/v1/suppressions/check?target={person}")["suppressed"]


def shown(driver):
    """Heading, title and buttons; None: not all of it is there yet."""
    return driver.execute_script(SHOWN)


def wait_shown(driver, heading, n_buttons):
    """Until the page that a button leads to is there, whole."""
    def is_it(d):
        now = shown(d)
        return now and now[0] == heading and len(now[2]) == n_buttons

    WebDriverWait(driver, WAIT_S, ignored_exceptions=(
        WebDriverException,)).until(is_it)


def test_press(bed, browser):
    """Looking changes nothing; the button does, and it is on record before
    the page says so. By keyboard, as some people must."""
    person = "reader@north.example"
    driver, link = browser(), link_of(bed, person)
    for _ in range(2):
        driver.get(link)
        assert shown(driver) == ["Unsubscribe", "Unsubscribe",
                                 ["Stop mail about newsletter",
                                  "Stop all marketing mail"]]
    assert consent(bed, person) == ({}, [])
    assert not is_suppressed(bed, person)
    driver.find_element("tag name", "body").send_keys(Keys.TAB)
    focused = driver.switch_to.active_element
    assert focused.text == "Stop mail about newsletter"
    assert focused.value_of_css_property("outline-style") == "solid"
    focused.send_keys(Keys.ENTER)
    wait_shown(driver, "Done", 1)
    assert "no more mail about newsletter" in driver.page_source.replace(
        "<strong>", "").replace("</strong>", "")
    states, history = consent(bed, person)
    assert states == {"newsletter": "withdrawn"}
    assert [one["origin"] for one in history] == ["one-click"]
    assert not is_suppressed(bed, person)
    driver.find_element("tag name", "button").click()
    wait_shown(driver, "Done", 0)
    assert is_suppressed(bed, person)
    driver.get(link)
    heading, _, buttons = shown(driver)
    assert heading == "You are unsubscribed" and not buttons


@pytest.mark.parametrize("language, title, button", [
    ("en-GB,en", "Unsubscribe", "Stop mail about newsletter"),
    ("de-AT,de", "Abbestellen", "Nachrichten zum Thema newsletter abbestellen"),
    ("fr", "Se désabonner",
     "Ne plus recevoir de messages au sujet de newsletter"),
    ("pl", "Unsubscribe", "Stop mail about newsletter")])
def test_language(bed, browser, language, title, button):
    driver = browser(language)
    driver.get(link_of(bed, "many@tongues.example"))
    heading, named, buttons = shown(driver)
    assert heading == named == title and buttons[0] == button
    assert driver.find_element("tag name", "html").get_attribute("lang") == (
        language[:2] if language[:2] in ("de", "fr") else "en")


@pytest.mark.parametrize("language, title, done", [
    ("en", "Fairs & <b>more</b>", "Done"), ("de", "Märkte", "Erledigt"),
    ("fr", "Fairs & <b>more</b>", "C’est fait")])
def test_title(bed, browser, language, title, done):
    """The marketer's words for a purpose, as text and never as HTML."""
    person = f"{language}@titles.example"
    driver = browser(language)
    driver.get(link_of(bed, person, "webinar"))
    assert driver.find_element("tag name", "strong").text == title
    assert title in shown(driver)[2][0]
    assert not driver.find_elements("css selector", "strong b, button b")
    driver.find_element("tag name", "button").click()
    wait_shown(driver, done, 1)
    assert driver.find_element("tag name", "strong").text == title
    assert consent(bed, person)[0] == {"events": "withdrawn"}


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable(bed, browser, size, scheme):
    """Contrast of 7:1, nothing that sticks out, buttons for a thumb, nothing
    fetched from elsewhere, nothing that the browser complains about."""
    driver = browser("de")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": scheme}]})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": size[0], "height": size[1], "deviceScaleFactor": 1,
        "mobile": size == PHONE})
    for page in (link_of(bed, "looks@north.example"),
                 f"http://127.0.0.1:{bed.ports['web']}/u/broken"):
        driver.get(page)
        ratio, text = driver.execute_script(CONTRAST)
        assert ratio >= 7, (ratio, text)
        assert driver.execute_script(
            "return document.documentElement.scrollWidth") <= size[0]
        for one in driver.find_elements("tag name", "button"):
            assert one.size["height"] >= 44
        assert driver.execute_script(
            "return performance.getEntriesByType('resource').length") == 0
    # chrome://: about its own first page.
    complaints = [one["message"] for one in driver.get_log("browser")
                  if "/u/broken" not in one["message"]
                  and not one["message"].startswith("chrome://")]
    assert complaints == []
