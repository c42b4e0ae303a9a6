"""An empty page on two origins, one of which Onhand lets read its answers."""

import http.server
import threading


class Pages:
    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        port = self.server.server_port
        self.allowed = f"http://127.0.0.1:{port}"
        self.foreign = f"http://localhost:{port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!doctype html><title>shop</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
