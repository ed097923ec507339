"""A CONNECT proxy that carries https requests for Salesforce's login hosts to a sandbox by plain http.

Clients whose login host is fixed are sent through it: HTTPS_PROXY names it, and the bundle of root certificates
that they trust is the one it makes, such as REQUESTS_CA_BUNDLE.
"""

import datetime
import http.client
import http.server
import ssl
import threading
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ["login.salesforce.com", "test.salesforce.com"]
# Headers that belong to one connection and are not passed on.
OF_THE_CONNECTION = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "content-length"}


def certificate(subject, public_key, issuer, signing_key, extensions):
    now = datetime.datetime.now(datetime.timezone.utc)

    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    made = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
            .public_key(public_key).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1)))
    for extension, critical in extensions:
        made = made.add_extension(extension, critical)
    return made.sign(signing_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def certificates(folder):
    """Writes a root certificate, and a certificate for the login hosts with its key."""
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    folder.joinpath("ca.pem").write_bytes(certificate(
        "sandbox root", root.public_key(), "sandbox root", root,
        [(x509.BasicConstraints(True, None), True), (usage, True),
         (x509.SubjectKeyIdentifier.from_public_key(root.public_key()), False)]))
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
    key = leaf.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())
    folder.joinpath("leaf.pem").write_bytes(key + certificate(
        HOSTS[0], leaf.public_key(), "sandbox root", root,
        [(x509.BasicConstraints(False, None), True), (names, False), (issuer, False)]))


def start(sandbox_url, folder):
    """Starts a proxy in the background; returns its URL and the file of its root certificate."""
    folder = Path(folder)
    certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem")
    target = urlsplit(sandbox_url).netloc

    class Tunnel(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self):
            host = self.path.rsplit(":", 1)[0]
            if host not in HOSTS:
                self.send_error(403, f"{host} is not a login host")
                return
            self.send_response(200)
            self.end_headers()
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", buffering=0)
            self.close_connection = False

        def forward(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            onward = http.client.HTTPConnection(target, timeout=60)
            headers = {key: value for key, value in self.headers.items() if key.lower() not in OF_THE_CONNECTION}
            onward.request(self.command, self.path, body, headers)
            answer = onward.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for key, value in answer.getheaders():
                if key.lower() not in OF_THE_CONNECTION:
                    self.send_header(key, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = forward

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tunnel)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", folder / "ca.pem"
