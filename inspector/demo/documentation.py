"""Python's documentation server (`pydoc`) on the loopback interface, and the pages worth crawling there.

The modules are an allow-list: each only defines things when it is imported (pydoc imports what it shows).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from inspector.errors import InspectorError

MODULES = """
abc argparse array ast asyncio asyncio.base_events asyncio.events asyncio.futures asyncio.locks asyncio.queues
asyncio.runners asyncio.streams asyncio.subprocess asyncio.tasks asyncio.transports atexit base64 bdb binascii bisect
builtins bz2 calendar cmath cmd code codecs codeop collections collections.abc colorsys compileall concurrent.futures
concurrent.futures.process concurrent.futures.thread configparser contextlib contextvars copy copyreg cProfile csv
ctypes ctypes.util dataclasses datetime dbm dbm.dumb decimal difflib dis doctest email email.charset
email.contentmanager email.encoders email.errors email.feedparser email.generator email.header email.headerregistry
email.iterators email.message email.mime.base email.mime.multipart email.mime.text email.parser email.policy
email.utils encodings.aliases encodings.ascii encodings.cp037 encodings.cp1250 encodings.cp1251 encodings.cp1252
encodings.cp1253 encodings.cp1254 encodings.cp1255 encodings.cp1256 encodings.cp1257 encodings.cp1258 encodings.cp437
encodings.cp500 encodings.cp737 encodings.cp850 encodings.cp852 encodings.cp866 encodings.iso8859_1
encodings.iso8859_10 encodings.iso8859_13 encodings.iso8859_15 encodings.iso8859_2 encodings.iso8859_5
encodings.iso8859_7 encodings.koi8_r encodings.latin_1 encodings.punycode encodings.utf_16 encodings.utf_32
encodings.utf_8 enum errno fcntl filecmp fileinput fnmatch fractions ftplib functools gc getopt getpass gettext glob
graphlib grp gzip hashlib heapq hmac html html.entities html.parser http http.client http.cookiejar http.cookies
http.server imaplib importlib importlib.abc importlib.machinery importlib.metadata importlib.resources importlib.util
inspect io ipaddress itertools json json.decoder json.encoder json.tool keyword linecache locale logging
logging.config logging.handlers lzma mailbox marshal math mimetypes mmap modulefinder multiprocessing
multiprocessing.connection multiprocessing.context multiprocessing.managers multiprocessing.pool
multiprocessing.process multiprocessing.queues multiprocessing.shared_memory multiprocessing.synchronize netrc numbers
opcode operator optparse os os.path pathlib pdb pickle pickletools pkgutil platform plistlib poplib posix posixpath
pprint profile pstats pty pwd py_compile pyclbr pydoc queue quopri random re reprlib resource rlcompleter runpy sched
secrets select selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 sqlite3.dbapi2 ssl stat
statistics string stringprep struct subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios
textwrap threading time timeit token tokenize trace traceback tracemalloc tty types typing unicodedata unittest
unittest.async_case unittest.case unittest.loader unittest.main unittest.mock unittest.result unittest.runner
unittest.signals unittest.suite unittest.util urllib urllib.error urllib.parse urllib.request urllib.response
urllib.robotparser uuid warnings wave weakref wsgiref wsgiref.handlers wsgiref.headers wsgiref.simple_server
wsgiref.util wsgiref.validate xml xml.dom xml.dom.minidom xml.dom.pulldom xml.etree.ElementTree xml.sax
xml.sax.expatreader xml.sax.handler xml.sax.saxutils xml.sax.xmlreader xmlrpc.client xmlrpc.server zipapp zipfile
zipimport zlib zoneinfo
""".split()

_READY = re.compile(r"http://127\.0\.0\.1:(\d+)")


@contextmanager
def documentation_server() -> Iterator[int]:
    """Start pydoc's server on a free loopback port and yield the port; stopped on leaving."""
    with tempfile.TemporaryDirectory() as neutral:
        process = subprocess.Popen(
            [sys.executable, "-m", "pydoc", "-n", "127.0.0.1", "-p", "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=neutral,
        )
        try:
            assert process.stdout is not None
            ready = next((match for line in process.stdout if (match := _READY.search(line))), None)
            if ready is None:
                raise InspectorError("Python's documentation server did not start; is this Python built with pydoc?")
            yield int(ready[1])
        finally:
            process.kill()
            process.communicate()


def start_paths() -> list[str]:
    """Paths to fetch whatever links to them: the index pages and every module of the allow-list."""
    return ["/index.html", "/topics.html", "/keywords.html", *(f"/{module}.html" for module in MODULES)]


def wanted_link(path: str) -> bool:
    """Whether a link found on an index page is worth following: language-reference topics and keywords."""
    return path.startswith(("/topic?key=", "/pydoc_data/_pydoc.css"))
