#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""Measure in a browser that nothing of the guides is cut off: no table and no picture on a desktop
and on a phone, and no code block on a desktop. Prints what is cut off; status 1 if something is."""
from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DESKTOP, PHONE = 1280, 400
HEIGHT = 900
SHOWN = {DESKTOP: 'table, img, object, svg, pre', PHONE: 'table, img, object, svg'}
# What is wider than the window, or than a box around it that hides the rest or has to be scrolled.
# The text only, as the theme has pictures of its own beside it.
MEASURE = '''
[...document.querySelectorAll('[itemprop=articleBody] :is(%s)')].map(shown => {
    let over = shown.getBoundingClientRect().right - %d;
    for (let box = shown; box.parentElement; box = box.parentElement)
        if (getComputedStyle(box).overflowX !== 'visible')
            over = Math.max(over, box.scrollWidth - box.clientWidth);
    const text = shown.getAttribute('data') || shown.getAttribute('src') || shown.innerText || '';
    return [shown.localName, text.trim().split('\\n')[0], Math.ceil(over)];
})
'''


class Browser:
    """A browser without a window, which takes its commands from a pipe."""

    def __init__(self, folder: str) -> None:
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        # It takes commands from 3, and answers on 4.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (commands, answers)]
        null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
        self._process = os.posix_spawnp(
            'chromium', ['chromium', '--headless', '--no-sandbox', '--disable-gpu',
                         '--disable-dev-shm-usage', '--remote-debugging-pipe',
                         f'--user-data-dir={folder}'], {**os.environ, 'HOME': folder},
            file_actions=[*null, (os.POSIX_SPAWN_DUP2, high[0], 3),
                          (os.POSIX_SPAWN_DUP2, high[1], 4)])
        for fd in (commands, answers, *high):
            os.close(fd)
        self._buffer = b''
        self._count = 0
        self._session = ''
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self._session = self.call('Target.attachToTarget', targetId=target,
                                  flatten=True)['sessionId']
        self.call('Page.enable')

    def close(self) -> None:
        """End it."""
        os.close(self._to)
        os.close(self._from)
        os.kill(self._process, signal.SIGTERM)
        os.waitpid(self._process, 0)

    def _next(self) -> dict[str, Any]:
        while b'\0' not in self._buffer:
            more = os.read(self._from, 1 << 16)
            if not more:
                raise OSError('the browser has ended')
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b'\0')
        answer: dict[str, Any] = json.loads(message)
        return answer

    def call(self, method: str, **parameters: Any) -> Any:
        """Do something, and wait until it is done."""
        self._count += 1
        message = {'id': self._count, 'method': method, 'params': parameters}
        if self._session:
            message['sessionId'] = self._session
        os.write(self._to, json.dumps(message).encode() + b'\0')
        while (answer := self._next()).get('id') != self._count:
            pass
        if 'error' in answer:
            raise OSError(f'{method}: {answer["error"]["message"]}')
        return answer['result']

    def open(self, page: Path, width: int) -> None:
        """Open a page in a window of a width, and wait until all of it is there."""
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=HEIGHT,
                  deviceScaleFactor=1, mobile=False)
        self.call('Page.navigate', url=page.resolve().as_uri())
        while self._next().get('method') != 'Page.loadEventFired':
            pass

    def evaluate(self, expression: str) -> Any:
        """What an expression is on the page."""
        result = self.call('Runtime.evaluate', expression=expression, returnByValue=True)
        if 'exceptionDetails' in result:
            raise OSError(result['exceptionDetails']['exception']['description'])
        return result['result']['value']


def measure(browser: Browser, page: Path) -> Iterator[tuple[int, str, str, int]]:
    """The width of the window, and what of a page is shown in it: its kind, its text, and how many
    pixels of it are cut off."""
    for width, shown in SHOWN.items():
        browser.open(page, width)
        for kind, text, over in browser.evaluate(MEASURE % (shown, width)):
            yield width, kind, text, over


def cut(browser: Browser, pages: list[Path]) -> Iterator[str]:
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
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        try:
            found = list(cut(browser, pages))
        finally:
            browser.close()
    print(*found, sep='\n', end='\n' if found else '')
    return 1 if found else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except OSError as err:
        sys.exit(f'doc_layout.py: {err}')
