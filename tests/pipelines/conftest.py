"""What several tests of this folder stand on: a webhook of one's own network."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


@pytest.fixture
def hook():
    """A webhook in this network: its address, and what was posted to it."""
    notes = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self):
            notes.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", notes
    server.shutdown()
    thread.join()
    server.server_close()
