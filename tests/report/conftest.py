"""One fake run of each kind, its page, and a headless browser, shared by the tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import tuned_run
from fake_run import FakeRun, make
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from lexome.report import write_report

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def causal(tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    """A run of a causal model, with its page."""
    run = make(tmp_path_factory.mktemp("causal"))
    write_report(run.folder)
    return run


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    """A run of a masked model, with its page."""
    run = make(tmp_path_factory.mktemp("masked"), family="modernbert")
    write_report(run.folder)
    return run


@pytest.fixture(scope="session")
def tuned_labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was tuned by LoRA to label DNA."""
    return tuned_run.labels(tmp_path_factory.mktemp("labels"), "lora")


@pytest.fixture
def copy(tuned_labels: Path, tmp_path: Path) -> Path:
    """A tuned run of one's own to damage."""
    return Path(shutil.copytree(tuned_labels, tmp_path / "runs" / "copy"))


@pytest.fixture(scope="session")
def tuned_translation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was tuned to say texts in capitals."""
    return tuned_run.translation(tmp_path_factory.mktemp("translation"))


@pytest.fixture(scope="session")
def tuned_speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was tuned to say which tone it hears."""
    return tuned_run.speech(tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
def tuned_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was tuned to make pictures of captions."""
    return tuned_run.pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless browser that keeps the console's messages and every request it makes."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    binary = next((found for name in names if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("the page is looked at in a real browser: install chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1200,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()
