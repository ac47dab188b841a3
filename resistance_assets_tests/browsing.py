"""A real browser for tests: Debian's Chromium without a screen and without a network, and how to wait for a page."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM, DRIVER = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
LONGEST_WAIT = 60.0


@contextlib.contextmanager
def open_browser(downloads: Path) -> Iterator[Any]:
    """A browser that reaches this machine alone, so that a page that wants more fails.

    Absent, the test is skipped with the reason; with RESISTANCE_REQUIRE_BROWSER=1 (CI) its absence is a failure.

    Args:
        downloads: where it puts what is downloaded; also its attribute of that name.
    """
    if CHROMIUM is None or DRIVER is None:
        reason = "chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)"
        if os.environ.get("RESISTANCE_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,1000"):
        options.add_argument(f"--{argument}")
    # Drawing on a machine without a graphics card.
    options.add_argument("--enable-unsafe-swiftshader")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.downloads = downloads
    try:
        yield driver
    finally:
        driver.quit()


def wait_for(browser: Any, script: str, seconds: float = LONGEST_WAIT, *, every: float = 0.05) -> Any:
    """What the script returns as soon as it is truthy; asked again and again, since drawing takes its time.

    Args:
        browser: at the page to ask.
        script: of JavaScript.
        seconds: after which the wait fails.
        every: seconds between two questions.
    """
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, seconds, poll_frequency=every).until(lambda one: one.execute_script(script))
