"""A running `onhand serve`."""

import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


class Served:
    def __init__(self, onhand, configuration):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [onhand, "serve", "--config", configuration], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)

    def __enter__(self):
        self.address = self.wait(lambda: self.logged_address())
        self.wait(self.is_ready)
        return self

    def logged_address(self):
        self.log.seek(0)
        found = re.search(r"url=(http://\S+)", self.log.read())
        return found and found.group(1)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=10) as answer:
                return answer.status == 200
        except urllib.error.URLError:
            return False

    def wait(self, condition):
        end = time.monotonic() + 60
        while not (found := condition()):
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                raise SystemExit("onhand does not serve\n" + self.log.read())
            time.sleep(0.05)
        return found

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise SystemExit("onhand did not stop") from None
        finally:
            self.log.close()
