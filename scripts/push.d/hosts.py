"""Where onhand.js runs: Node, and a page in Debian's Chromium."""

import asyncio
import contextlib
import json
import os
import shutil

FOLDER = os.path.dirname(os.path.abspath(__file__))
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]


class Missing(Exception):
    """What a host needs is not on this machine."""


class Node:
    """Node 20 or later."""

    def __init__(self, address):
        pass

    async def __aenter__(self):
        program = shutil.which("node")
        if not program:
            raise Missing("node (Debian: nodejs)")
        check = await asyncio.create_subprocess_exec(
            program, "--experimental-websocket", "-e", "new WebSocket('ws://127.0.0.1:1').onerror = () => {}",
            stderr=asyncio.subprocess.DEVNULL)
        if await check.wait():
            raise Missing("a Node with a WebSocket: 20 or later")
        self.process = await asyncio.create_subprocess_exec(
            program, "--no-warnings", "--experimental-websocket", f"{FOLDER}/node_host.mjs",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 26)
        return self

    async def __aexit__(self, *_):
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            self.process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def call(self, expression):
        self.process.stdin.write(json.dumps(expression).encode() + b"\n")
        outcome = json.loads(await self.process.stdout.readline())
        if "error" in outcome:
            raise AssertionError(f"{expression}: {outcome['error']}")
        return outcome["value"]


class Page:
    """A page of the server's own origin, driven by PyPI's `playwright`."""

    def __init__(self, address):
        self.address = address

    async def __aenter__(self):
        program = next(filter(None, map(shutil.which, BROWSERS)), None)
        if not program:
            raise Missing("a browser (Debian: chromium)")
        try:
            from playwright.async_api import async_playwright
        except ImportError:
            raise Missing("playwright, from PyPI") from None
        self.playwright = await async_playwright().start()
        self.browser = await self.playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        self.page = await self.browser.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        # A page of the origin that does nothing by itself.
        await self.page.goto(f"{self.address}/onhand.js")
        await self.page.evaluate("import('/onhand.js').then((m) => { globalThis.onhand = m; })")
        with open(f"{FOLDER}/follower.js") as file:
            await self.page.evaluate(file.read())
        return self

    async def __aexit__(self, *_):
        await self.browser.close()
        await self.playwright.stop()

    async def call(self, expression):
        return await self.page.evaluate(expression)


HOSTS = {"node": Node, "browser": Page}
