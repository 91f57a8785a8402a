"""A page in a real browser, as the tests look at it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

BLANK = "about:blank"

# Every text on the page against the ground it stands on: WCAG 2's contrast, computed here.
CONTRASTS = r"""
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255);
};
const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3]));
const ground = (node) => {
  if (!node) return [1, 1, 1];
  const own = rgba(getComputedStyle(node).backgroundColor);
  return own[3] > 0.999 ? own.slice(0, 3) : over(own, ground(node.parentElement));
};
const light = (c) => c.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const bad = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let seen = 0;
for (let text; (text = walker.nextNode());) {
  const node = text.parentElement;
  if (!text.data.trim() || !node.checkVisibility() || node.closest("script, option")) continue;
  const style = getComputedStyle(node);
  const below = ground(node);
  const ink = over(rgba(node.namespaceURI.endsWith("svg") ? style.fill : style.color), below);
  const [a, b] = [light(ink), light(below)].sort((x, y) => y - x);
  seen += 1;
  const contrast = (a + 0.05) / (b + 0.05);
  if (contrast < 4.5) bad.push(`${text.data.trim().slice(0, 30)} ${contrast.toFixed(2)}`);
}
return [seen, bad];
"""

NAMELESS = """
const wanted = "button, select, input, [tabindex='0'], svg:not([aria-hidden]), nav, section";
return [...document.querySelectorAll(wanted)]
  .filter((node) => !(node.textContent.trim() || node.ariaLabel || node.labels?.length
    || node.getAttribute("aria-labelledby")))
  .map((node) => node.outerHTML.slice(0, 80));
"""


class Page:
    """A page in the browser, with the messages and requests since it was opened."""

    def __init__(self, browser: Chrome, address: str, width: int = 1_200, theme: str = "light"):
        self.browser = browser
        browser.get(BLANK)
        for log in ("browser", "performance"):
            browser.get_log(log)
        self.width(width)
        # A page that scrolls smoothly is still moving when a test clicks.
        features = {"prefers-color-scheme": theme, "prefers-reduced-motion": "reduce"}
        media = [{"name": name, "value": value} for name, value in features.items()]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        browser.get(address)
        wait(lambda: self.all("#loss-chart, .missing"))

    def width(self, width: int) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def bars(self) -> list[tuple[int, str]]:
        """Return token and percentage of each bar of the predictions."""
        return [
            (int(token), share)
            for token, share in self.run(
                "return [...document.querySelectorAll('#probabilities li[data-token]')]"
                ".map((li) => [li.dataset.token, li.querySelector('.share').textContent])"
            )
        ]

    def inside(self) -> Any:
        """Return what the page knows about the inside of the model."""
        return json.loads(self.text("#report-data"))["inside"]

    def map(self) -> str:
        return str(self.run("return document.querySelector('#attention-map canvas').toDataURL()"))

    def troubles(self) -> list[str]:
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def requests(self) -> list[str]:
        events = [
            json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")
        ]
        sent = [
            e["params"]["request"]["url"]
            for e in events
            if e["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith("data:")]


def wait(ready: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < deadline, "the page did not get there in 10 s"
        time.sleep(0.02)
