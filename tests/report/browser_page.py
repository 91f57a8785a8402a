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
