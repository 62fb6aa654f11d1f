"""The HTML page of a plan in headless Chromium: filters, link, keys, width, contrast, and that it asks for nothing.

    pip install selenium
    python tests/html_page.py [--pictures FOLDER] PAGE.html [OTHER.html ...]

PAGE.html must hold what tests/html_page.sh plans; any other page is only looked at and listened to.
"""

import argparse
import base64
import json
import pathlib
import shutil
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

passed = failed = 0

# Text that somebody put into a manifest; tests/html_page.sh puts it into names.
HOSTILE = "<img src=x onerror=document.title='hacked'>"

CONTRAST = """
const parse = (text) => {
  const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
  return { r, g, b, a };
};
const over = (top, under) => ({
  r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a),
  b: top.b * top.a + under.b * (1 - top.a), a: 1,
});
const light = ({ r, g, b }) => {
  const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const ratio = (a, b) => {
  const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
  return (bright + 0.05) / (dark + 0.05);
};
const backOf = (element) => {
  if (element.closest("svg")) {
    const node = element.closest(".node");
    const rect = node ? node.querySelector("rect") : element.closest("svg").querySelector(".lane");
    if (rect) return parse(getComputedStyle(rect).fill);
  }
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const back = parse(getComputedStyle(at).backgroundColor);
    if (back.a > 0) layers.push(back);
    if (back.a === 1) break;
  }
  return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
};
let worst = { ratio: 99, text: "" };
let texts = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let text = walker.nextNode(); text; text = walker.nextNode()) {
  const element = text.parentElement;
  if (!text.data.trim() || element.closest("script, style, title, [hidden]")) continue;
  const style = getComputedStyle(element);
  const fore = parse(element.closest("svg") ? style.fill : style.color);
  const back = backOf(element);
  const found = ratio(over(fore, back), back);
  texts += 1;
  if (found < worst.ratio) worst = { ratio: found, text: `${element.className?.baseVal ?? element.className}: ${text.data.slice(0, 40)}` };
}
return { ...worst, texts };
"""

WIDTH = """
const limit = innerWidth;
const wide = [...document.querySelectorAll("body *")].filter((e) => {
  if (e.closest("svg, [hidden]") || getComputedStyle(e).clipPath !== "none" || e.closest(".skip, thead")) return false;
  const box = e.getBoundingClientRect();
  return box.width > 0 && (box.right > limit + 0.5 || box.left < -0.5);
});
return {
  page: document.documentElement.scrollWidth, limit,
  wide: wide.slice(0, 3).map((e) => `${e.tagName}.${e.className}`),
};
"""

FOCUSED = """
const style = getComputedStyle(document.activeElement);
const rect = document.activeElement.querySelector?.("rect");
return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
  || Boolean(rect) && parseFloat(getComputedStyle(rect).strokeWidth) >= 3;
"""


def check(what, holds, said=""):
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
    print(("ok      " if holds else "FAILED  ") + what + ("" if holds or not said else f": {said}"))


def browser(profile, scripts=True):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--window-size=1280,900",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    return webdriver.Chrome(options=options, service=service)


class Page:
    def __init__(self, driver, url):
        self.driver, self.url = driver, url
        # What was said of a page before is not this page's.
        for kind in ("performance", "browser"):
            driver.get_log(kind)

    def open(self, fragment=""):
        # From elsewhere, so that a fragment alone is a new page too.
        self.driver.get("about:blank")
        self.driver.get(self.url + fragment)

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def shown(self):
        """The addresses of the operations that are not filtered out."""
        return self.script(
            "return [...document.querySelectorAll('.op')].filter(e => !e.closest('[hidden]')).map(e => e.id)"
        )

    def fragment(self):
        return self.script("return location.hash")

    def keys(self, *keys):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def media(self, **features):
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": listed})

    def width(self, width, height=900):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def quiet(page):
    """Nothing was asked of a network, and nothing complained of."""
    asked = []
    for entry in page.driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"].split("#")[0])
    # Printing makes Chromium itself load a picture that it holds as data.
    own = (page.url, "about:blank")
    others = sorted({url for url in asked if url not in own and not url.startswith(("chrome:", "data:"))})
    check("the page was loaded, and asks for nothing else", page.url in asked and not others, others)
    said = page.driver.get_log("browser")
    check("the console is empty", not said, said)


def filters(page):
    page.open()
    all_of_them = page.shown()
    output = page.one("#shown")
    check("everything is shown at first", len(all_of_them) > 5 and output.text.startswith(f"{len(all_of_them)} of "))
    check("no filter is in the link", page.fragment() == "")

    creates = page.one("button[data-action=create]")
    count = int(creates.find_element(By.TAG_NAME, "b").text)
    creates.click()
    check("a chip is pressed by the mouse", creates.get_attribute("aria-pressed") == "true")
    check("it shows its operations alone", len(page.shown()) == count and 0 < count < len(all_of_them))
    check("it is said how many of how many", output.text == f"{count} of {len(all_of_them)} operations shown", output.text)
    check("the link has it", page.fragment() == "#action=create", page.fragment())

    page.one("button[data-action=delete]").send_keys(Keys.SPACE)
    both = page.shown()
    check("a second chip adds, by the keyboard", len(both) > count)
    check("the link has both", page.fragment() == "#action=create%2Cdelete", page.fragment())

    names = [option.get_attribute("value") for option in page.all("#pipeline option")]
    Select(page.one("#pipeline")).select_by_value(names[1])
    narrowed = page.shown()
    check("a pipeline narrows further", 0 < len(narrowed) < len(both), narrowed)
    check("and they are of that pipeline", all(one.startswith(names[1] + ".") for one in narrowed), narrowed)

    page.keys(Keys.ESCAPE)
    check("Esc clears all", page.shown() == all_of_them and page.fragment() == "")

    page.script("document.activeElement.blur()")
    page.keys("/")
    search = page.one("#search")
    check("/ goes to the search", page.driver.switch_to.active_element == search)
    check("and is not written into it", search.get_attribute("value") == "")
    page.keys("UPPER concat")
    found = page.shown()
    check("the search looks for each word", found == ["zendesk-users.mapping"], found)
    check("the link has the search", page.fragment() == "#q=UPPER+concat", page.fragment())
    page.keys("/")
    check("/ within the search is text", search.get_attribute("value").endswith("/"))
    check("nothing found is said", page.one("#nothing").is_displayed() and page.shown() == [])
    page.keys(Keys.ENTER)
    check("Enter sends nothing", page.driver.current_url.startswith(page.url))
    page.one("#clear").click()
    check("Clear clears", page.shown() == all_of_them and not page.one("#clear").is_displayed())

    page.open("#action=create&pipeline=" + names[1])
    check("a link brings its filters", 0 < len(page.shown()) < len(all_of_them))
    check("and they stand in the controls", creates_pressed(page) and value(page, "#pipeline") == names[1])
    page.open("#action=%3Cscript%3E&pipeline=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E&q=")
    check("a hostile link filters nothing", page.shown() == all_of_them and page.fragment() == "", page.fragment())


def creates_pressed(page):
    return page.one("button[data-action=create]").get_attribute("aria-pressed") == "true"


def value(page, selector):
    return page.one(selector).get_attribute("value")


def links(page):
    page.open()
    target = page.shown()[-1]
    node = page.one(f"a.node[href='#{target}']")
    page.script("arguments[0].focus()", node)
    check("a node of the graph has visible focus", page.script("return arguments[0].matches(':focus')", node))
    page.keys(Keys.ENTER)
    box = page.script("const b = document.getElementById(arguments[0]).getBoundingClientRect();"
                      "return [b.top, b.bottom, innerHeight]", target)
    check("it leads to its operation", page.fragment() == "#" + target and box[0] < box[2] and box[1] > 0, box)

    page.one("button[data-action=create]").click()
    check("filters keep the place in the link", page.fragment() == f"#action=create&at={target}", page.fragment())
    hidden = next(one for one in page.all(".op") if not one.is_displayed()).get_attribute("id")
    page.script("location.hash = arguments[0]", hidden)
    page.driver.implicitly_wait(2)
    page.one(f"[id='{hidden}'].here")
    page.driver.implicitly_wait(0)
    check("a link to what is filtered out shows it", hidden in page.shown())
    page.open("#" + target)
    check("an operation's own link marks it", "here" in page.one(f"[id='{target}']").get_attribute("class"))


def keyboard(page):
    page.open()
    stops = []
    seen = True
    for _ in range(25):
        page.keys(Keys.TAB)
        seen = seen and page.script(FOCUSED)
        stops.append(page.script("return document.activeElement.id || document.activeElement.dataset.action || ''"))
    check("Tab reaches skip link, fingerprint, chips, pipeline and search", set(stops) >= {
        "fingerprint", "copy", "create", "delete", "pipeline", "search"}, stops)
    check("focus is visible at every stop", seen, stops)
    fingerprint = page.one("#fingerprint")
    page.script("arguments[0].focus()", fingerprint)
    selected = page.script("const f = document.activeElement; return f.value.slice(f.selectionStart, f.selectionEnd)")
    check("the fingerprint is selected whole", len(selected) == 64 or len(selected) == 16, selected)


def structure(page):
    page.open()
    check("title and language", page.driver.title.startswith("Plan: ") and page.one("html").get_attribute("lang") == "en")
    levels = page.script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    check("headings go down by one", levels[0] == 1 and levels.count(1) == 1 and all(
        b <= a + 1 for a, b in zip(levels, levels[1:])), levels)
    check("landmarks", len(page.all("header")) > 0 and len(page.all("main")) == 1 and page.all("[role=search]"))
    ids = page.script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    check("ids are unique", len(ids) == len(set(ids)))
    dead = page.script("return [...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))"
                       ".filter(h => h[0] !== '#' || !document.getElementById(h.slice(1)))")
    check("every link leads somewhere on the page", not dead, dead[:3])
    unnamed = page.script("return [...document.querySelectorAll('button, input, select, a')]"
                          ".filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)")
    check("every control has a name", not unnamed, unnamed)
    text = page.script("return document.body.textContent")
    check("hostile text is text", HOSTILE in text and not page.all("img") and "hacked" not in page.driver.title)
    page.script("const s = document.createElement('script'); s.textContent = \"document.title = 'hacked'\";"
                "document.body.append(s)")
    check("a script that is not the page's own does not run", "hacked" not in page.driver.title)
    # The browser says so on the console, as it should.
    said = page.driver.get_log("browser")
    check("and the policy is why", any("Content Security Policy" in entry["message"] for entry in said), said)


def copying(page):
    page.open()
    page.one("#copy").send_keys(Keys.ENTER)
    page.driver.implicitly_wait(2)
    page.one("#copied:not(:empty)")
    page.driver.implicitly_wait(0)
    check("copying says what became of it", page.one("#copied").text in ("copied", "selected: copy it by hand"))


def looks(page, folder, texts):
    for scheme in ("light", "dark"):
        page.media(prefers_color_scheme=scheme)
        for width in (1280, 360):
            page.width(width)
            page.open()
            if folder:
                picture(page, folder / f"{pathlib.Path(page.url).stem}-{scheme}-{width}.png")
            page.script("for (const d of document.querySelectorAll('details')) d.open = true")
            found = page.script(CONTRAST)
            what = f"{scheme} at {width}: every text has a contrast of at least 4.5"
            check(what, found["texts"] >= texts and found["ratio"] >= 4.5, found)
            room = page.script(WIDTH)
            check(f"{scheme} at {width}: nothing is wider than the page", room["page"] <= width and not room["wide"], room)
    still = page.script("return document.getAnimations().length === 0"
                        " && getComputedStyle(document.documentElement).scrollBehavior === 'auto'")
    check("nothing moves, whether or not motion is wanted", still)
    page.media()
    page.width(1280)
    paper = page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    check("it prints", len(paper["data"]) > 10_000)
    if folder:
        (folder / f"{pathlib.Path(page.url).stem}.pdf").write_bytes(base64.b64decode(paper["data"]))


def picture(page, path):
    shot = page.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": {
        "x": 0, "y": 0, "scale": 1,
        "width": page.script("return innerWidth"),
        "height": min(page.script("return document.documentElement.scrollHeight"), 6000)}})
    path.write_bytes(base64.b64decode(shot["data"]))


def without_scripts(url, wanted):
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile, scripts=False)
        try:
            driver.get(url)
            operations = driver.find_elements(By.CSS_SELECTOR, ".op")
            check("without scripts every operation is there", len(operations) == wanted)
            check("and shown", all(one.is_displayed() for one in operations))
            check("and filters are not", not driver.find_element(By.ID, "filters").is_displayed())
        finally:
            driver.quit()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=pathlib.Path)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("others", type=pathlib.Path, nargs="*")
    arguments = parser.parse_args()
    url = arguments.page.resolve().as_uri()
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile)
        try:
            page = Page(driver, url)
            filters(page)
            links(page)
            keyboard(page)
            copying(page)
            looks(page, arguments.pictures, 200)
            quiet(page)
            structure(page)
            wanted = len(page.all(".op"))
            for other in arguments.others:
                print(f"-- {other.name}")
                other = Page(driver, other.resolve().as_uri())
                looks(other, arguments.pictures, 5)
                quiet(other)
        finally:
            driver.quit()
    without_scripts(url, wanted)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
