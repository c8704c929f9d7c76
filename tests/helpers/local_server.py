"""Local web server that simulates failures of real servers."""

import re
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class World:
    """Content and behaviour of the server; tests set its attributes.

    ``files`` maps paths to content; all other paths return ``content``. ``cuts`` lists the number of bytes
    after which successive responses are truncated.
    """

    content, ranges, status = bytes(range(256)) * 2000, True, None

    def __init__(self):
        self.files, self.requests, self.cuts = {}, [], []


@contextmanager
def serving(world):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, world))
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    world.root = f"http://127.0.0.1:{server.server_port}"
    world.url = f"{world.root}/weights.pth"
    yield world
    server.shutdown()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, world, *args):
        self.world = world
        super().__init__(*args)

    def do_GET(self):
        world, content = self.world, self.world.files.get(self.path, self.world.content)
        total = len(content)
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked.group(1)) if asked and world.ranges else 0
        world.requests.append(self.headers.get("Range"))
        if world.status:
            self.send_error(world.status)
            return
        if start >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(total - start))
        self.end_headers()
        stop = start + world.cuts.pop(0) if world.cuts else total
        self.wfile.write(content[start:stop])

    def log_message(self, *args):
        pass
