"""Single-key reads beside nginx returning the same bytes from memory, one worker each, one load generator thread."""

import re
import socket
import statistics
import time

from processes import Program, run, say

PATH = "/v1/views/live_stock/rows/1,1"
CONNECTIONS = [32, 256]


def measure(service, folder, rounds, seconds):
    nginx = Nginx(service, folder)
    try:
        return [row(service, nginx, connections, rounds, seconds) for connections in CONNECTIONS]
    finally:
        nginx.program.end()


def row(service, nginx, connections, rounds, seconds):
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(load(nginx.port, connections, seconds))
        ours.append(load(service.port, connections, seconds))
        say(f"{connections} connections: {ours[-1]:,.0f}/s, nginx {theirs[-1]:,.0f}/s")
    our_rate, their_rate = statistics.median(ours), statistics.median(theirs)
    return {
        "what": f"single-key GET, {connections} connections",
        "ours": f"{our_rate:,.0f}/s",
        "theirs": f"nginx {their_rate:,.0f}/s",
        "ratio": f"{our_rate / their_rate:.2f}x",
        "reach": "1.00x",
    }


def load(port, connections, seconds):
    """Requests a second."""
    output = run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                  f"http://127.0.0.1:{port}{PATH}"])
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"wrk saw failures:\n{output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


class Nginx:
    def __init__(self, service, folder):
        status, body, headers = service.get(PATH)
        if status != 200 or "'" in body or "$" in body or "\\" in body:
            raise SystemExit(f"can't compare on this answer: {status} {body}")
        self.port = free_port()
        path = f"{folder}/nginx.conf"
        with open(path, "w") as file:
            file.write(self.configuration(folder, body, headers))
        self.program = Program(
            ["/usr/sbin/nginx", "-p", folder, "-c", path, "-e", f"{folder}/nginx.log"],
            f"{folder}/nginx.log")
        self.wait_until_ready()

    def configuration(self, folder, body, headers):
        return f"""
            daemon off;
            worker_processes 1;
            pid {folder}/nginx.pid;
            events {{ worker_connections 1024; }}
            http {{
              access_log off;
              server_tokens off;
              keepalive_requests 1000000000;
              client_body_temp_path {folder};
              proxy_temp_path {folder};
              fastcgi_temp_path {folder};
              uwsgi_temp_path {folder};
              scgi_temp_path {folder};
              server {{
                listen 127.0.0.1:{self.port};
                location / {{
                  default_type {headers["Content-Type"]};
                  add_header Onhand-Position '{headers["Onhand-Position"]}';
                  return 200 '{body}';
                }}
              }}
            }}
            """

    def wait_until_ready(self):
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if self.program.has_ended() or time.monotonic() > end:
                    raise SystemExit("nginx did not start\n" + self.program.log_tail())
                time.sleep(0.05)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
