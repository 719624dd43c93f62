"""A file server that answers range requests; run as a process of its own (see test_urls)."""

from __future__ import annotations

import re
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class RangeHandler(SimpleHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = Path(self.directory, self.path.split("?")[0].lstrip("/"))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(wanted[1]) if wanted else 0
        last = min(int(wanted[2] or len(data)) if wanted else len(data), len(data) - 1)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if body:
            self.wfile.write(data[first : last + 1])

    def log_message(self, *args: object) -> None:
        pass


if __name__ == "__main__":
    folder = sys.argv[1]
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0),
        lambda *a: RangeHandler(*a, directory=folder),  # type: ignore[arg-type]
    )
    print(server.server_port, flush=True)
    server.serve_forever()
