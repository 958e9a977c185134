#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Measure in a browser that nothing of the guides is cut off: no table and no picture on a desktop
and on a phone, and no code block on a desktop. Prints what is cut off; status 1 if something is."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

DESKTOP, PHONE = 1280, 400
HEIGHT = 900
SHOWN = {DESKTOP: 'table, img, object, svg, pre', PHONE: 'table, img, object, svg'}
# What is wider than the window, or than a box around it that hides the rest or has to be scrolled.
# The text only, as the theme has pictures of its own beside it.
MEASURE = '''[...document.querySelectorAll('[itemprop=articleBody] :is(%s)')].map(shown => {
    let over = shown.getBoundingClientRect().right - %d;
    for (let box = shown; box.parentElement; box = box.parentElement)
        if (getComputedStyle(box).overflowX !== 'visible')
            over = Math.max(over, box.scrollWidth - box.clientWidth);
    const text = shown.getAttribute('data') || shown.getAttribute('src') || shown.innerText || '';
    return [shown.localName, text.trim().split('\\n')[0], Math.ceil(over)];
})
'''


def start() -> Chrome:
    """A browser without a window."""
    options = ChromeOptions()
    options.binary_location = '/usr/bin/chromium'
    # As root it has no sandbox, and in a container little shared memory.
    for argument in ('--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'):
        options.add_argument(argument)
    return Chrome(options=options, service=Service('/usr/bin/chromedriver'))


def measure(browser: Chrome, page: Path) -> Iterator[tuple[int, str, str, int]]:
    """The width of the window, and what of a page is shown in it: its kind, its text, and how many
    pixels of it are cut off."""
    for width, shown in SHOWN.items():
        # A window can't be as narrow as a phone.
        browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
            'width': width, 'height': HEIGHT, 'deviceScaleFactor': 1, 'mobile': False})
        browser.get(page.resolve().as_uri())
        for kind, text, over in browser.execute_script(f'return {MEASURE % (shown, width)}'):
            yield width, kind, text, over


def cut(browser: Chrome, pages: list[Path]) -> Iterator[str]:
    """What of the pages is cut off."""
    seen = set()
    for page in pages:
        for width, kind, text, over in measure(browser, page):
            seen.add(kind)
            if over > 0:
                yield f'{page.name}: at {width} px, {over} px of this {kind} are cut off: {text}'
    # The theme may have changed.
    yield from (f'no page has a {kind}' for kind in ('table', 'pre') if kind not in seen)


def main() -> int:
    """The command."""
    if len(sys.argv) != 2 or not (pages := sorted(Path(sys.argv[1]).glob('*.html'))):
        print('usage: doc_layout.py FOLDER, where its pages are', file=sys.stderr)
        return 2
    browser = start()
    try:
        found = list(cut(browser, pages))
    finally:
        browser.quit()
    print(*found, sep='\n', end='\n' if found else '')
    return 1 if found else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except WebDriverException as err:
        sys.exit(f'doc_layout.py: {err}')
