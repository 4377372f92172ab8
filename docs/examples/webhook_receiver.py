"""A receiver of webhooks: verifies the signature (Standard Webhooks, v1), does nothing twice, prints what came.

    WEBHOOK_SECRET=whsec_… python3 webhook_receiver.py 127.0.0.1:9000

Needs nothing but Python. For production there are libraries: https://www.standardwebhooks.com.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time

SECRET = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
# Older and younger calls are refused: somebody may have kept them.
TOLERANCE = 5 * 60


def is_ours(headers, body):
    """Whether any of the signatures is that of this body, made a short time ago."""
    identity, sent = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(sent)) > TOLERANCE:
        return False
    signed = f"{identity}.{sent}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split())


class Receiver(http.server.BaseHTTPRequestHandler):
    # In earnest: in the database, in one transaction with what the event causes.
    handled = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            ours = is_ours(self.headers, body)
        except (AttributeError, TypeError, ValueError):
            ours = False
        if not ours:
            return self.send_error(401)
        event = json.loads(body)
        if event["id"] not in self.handled:
            self.handled.add(event["id"])
            print(event["type"], event["subject"], flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


host, port = sys.argv[1].rsplit(":", 1)
http.server.ThreadingHTTPServer((host, int(port)), Receiver).serve_forever()
