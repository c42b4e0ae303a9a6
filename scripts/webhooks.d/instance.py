"""A running `onhand serve` that delivers webhooks, and an instance beside it where one is wanted."""

import http.client
import json
import os
import re
import signal
import time

from processes import Program, run


class Instance:
    def __init__(self, onhand, cluster, folder, name, environment=None, allow=("127.0.0.0/8",), resolver=None,
                 certificates=None, keeps=False):
        self.onhand, self.cluster, self.folder, self.name = onhand, cluster, folder, name
        self.allow = list(allow)
        # The address of a DNS server for this instance alone.
        self.resolver = resolver
        self.environment = environment or {}
        self.certificates = certificates
        # Whether it has a change log.
        self.keeps = keeps
        self.starts = 0
        self.program = None

    def configuration(self):
        path = f"{self.folder}/{self.name}.yaml"
        with open(path, "w") as file:
            # JSON is YAML.
            more = {"webhook_ca_file": self.certificates} if self.certificates else {}
            if self.keeps:
                more["data_directory"] = f"{self.folder}/{self.name}"
            json.dump({**more, "database": self.cluster.conninfo, "listen": "127.0.0.1:0",
                       "views": [{"name": "counter", "key": ["id"]}], "workers": 1,
                       "slot": f"onhand_{self.name}", "webhook_allow": self.allow}, file)
        return path

    def init(self):
        run([self.onhand, "init", "--config", self.configuration()])

    def start(self):
        self.starts += 1
        command = [self.onhand, "serve", "--config", self.configuration()]
        if self.environment:
            command = ["env", *[f"{k}={v}" for k, v in self.environment.items()], *command]
        if self.resolver:
            path = f"{self.folder}/resolv.conf"
            with open(path, "w") as file:
                file.write(f"nameserver {self.resolver}\noptions timeout:1 attempts:2\n")
            command = ["unshare", "--mount", "sh", "-c",
                       'mount --bind "$0" /etc/resolv.conf && exec "$@"', path, *command]
        self.program = Program(command, f"{self.folder}/{self.name}.{self.starts}.log")

    def await_ready(self, seconds=60):
        end = time.monotonic() + seconds
        while True:
            if self.program.has_ended() or time.monotonic() > end:
                raise SystemExit(f"{self.name} is not ready\n" + self.program.log_tail())
            try:
                self.port = int(self.logged_port())
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            except (TypeError, OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)

    def logged_port(self):
        with open(self.program.log) as file:
            found = re.search(r"http://[^ ]*?:(\d+)", file.read())
        return found and found.group(1)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text) if text.startswith("{") else text

    def expect(self, status, method, path, body=None):
        got, answer = self.ask(method, path, body)
        if got != status:
            raise SystemExit(f"{method} {path}: {got} {answer}")
        return answer

    def metric(self, name):
        text = self.ask("GET", "/metrics")[1]
        return int(re.search(rf"^{name} (\d+)$", text, re.M).group(1))

    def kill(self):
        os.kill(self.program.pid, signal.SIGKILL)
        self.program.process.wait()

    def stop(self):
        if self.program:
            self.program.end()
