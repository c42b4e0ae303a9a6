"""nginx, as the benchmarks compare with it: one worker, no access log, in the foreground."""

import socket

from processes import Program


class Nginx:
    def __init__(self, folder, name, server, connections=1024, modules=()):
        """`server` is what stands in the server block behind `listen`; `name` tells the files of several apart."""
        self.port = free_port()
        path, log = f"{folder}/{name}.conf", f"{folder}/{name}.log"
        load = "".join(f"load_module {module};\n" for module in modules)
        with open(path, "w") as file:
            file.write(f"""
                {load}
                daemon off;
                worker_processes 1;
                worker_rlimit_nofile {connections + 500};
                pid {folder}/{name}.pid;
                events {{ worker_connections {connections}; }}
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
                    listen 127.0.0.1:{self.port} backlog=4096;
                    {server}
                  }}
                }}
                """)
        self.program = Program(["/usr/sbin/nginx", "-p", folder, "-c", path, "-e", log], log)
        self.program.wait_until(self.is_ready, "nginx did not start", 20)

    def is_ready(self):
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) == 0


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
