"""Receivers behind TLS: one whose certificate is signed by an authority that is trusted, and others that must get nothing."""

import http.server
import ssl
import threading

from processes import run


def prove(harness):
    folder = harness.folder
    authority(folder, "trusted")
    authority(folder, "other")
    servers = {
        "right": Secure(folder, certificate(folder, "right", "trusted", "IP:127.0.0.1", 30)),
        "wrong host": Secure(folder, certificate(folder, "host", "trusted", "DNS:elsewhere.example", 30)),
        "expired": Secure(folder, certificate(folder, "expired", "trusted", "IP:127.0.0.1", -1)),
        "unknown authority": Secure(folder, certificate(folder, "unknown", "other", "IP:127.0.0.1", 30)),
        "plain": Plain(),
    }
    instance = harness.instance("a", certificates=f"{folder}/trusted.pem")
    instance.await_ready()
    outcomes = {}
    for name, server in servers.items():
        hook = instance.expect(201, "POST", "/v1/webhooks", {"url": f"https://127.0.0.1:{server.port}/", "view": "counter"})
        tried = instance.expect(200, "POST", f"/v1/webhooks/{hook['id']}/test", {})
        outcomes[name] = {"status": tried["status"], "failure": tried["failure"], "requests": server.requests,
                          "secured_us": tried["times_us"]["secured"]}
    instance.stop()
    bad = [outcome for name, outcome in outcomes.items() if name != "right"]
    return {"outcomes": outcomes,
            "ok": outcomes["right"]["status"] == 200 and all(
                outcome["failure"] == "tls" and outcome["requests"] == 0 for outcome in bad)}


def authority(folder, name):
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}",
         "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"])


def certificate(folder, name, signer, alternative, days):
    base = f"{folder}/{name}"
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{base}.key",
         "-out", f"{base}.csr"])
    with open(f"{base}.ext", "w") as file:
        file.write(f"subjectAltName={alternative}\n")
    run(["openssl", "x509", "-req", "-in", f"{base}.csr", "-CA", f"{folder}/{signer}.pem", "-CAkey",
         f"{folder}/{signer}.key", "-CAcreateserial", "-days", str(days), "-extfile", f"{base}.ext",
         "-out", f"{base}.crt"])
    return base


class Plain:
    def __init__(self):
        self.requests = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.requests += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        self.wrap()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wrap(self):
        pass


class Secure(Plain):
    def __init__(self, folder, base):
        self.base = base
        super().__init__()

    def wrap(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{self.base}.crt", f"{self.base}.key")
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False)
