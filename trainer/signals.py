"""Notice SIGTERM and SIGINT between batches; a second one ends the process at once.

A thread reads the signals from a pipe that the interpreter's own handler writes to. So the first is
answered, and the second obeyed, while the main thread is deep in one of torch's long calls.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from trainer.errors import StopNoticed

#: A signal so soon after the first is the same one: `timeout` sends it to the process and to its group.
_SAME_SIGNAL_SECONDS = 0.5
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LEAVE = 0
_SHOW_CURSOR = b"\x1b[?25h"


class StopRequest:
    """While entered, the first SIGTERM or SIGINT sets `requested`; a second ends the process with status 1."""

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, Any] = {}
        self._previous_pipe = -1
        self._thread: threading.Thread | None = None
        self._pipe = (-1, -1)

    def check(self) -> None:
        """Raise StopNoticed once a signal has come."""
        if self.requested:
            raise StopNoticed

    def __enter__(self) -> StopRequest:
        # Only the main thread may set handlers.
        if threading.current_thread() is threading.main_thread():
            self._pipe = os.pipe()
            os.set_blocking(self._pipe[1], False)
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
            self._previous_pipe = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
            self._previous = {number: signal.signal(number, self._notice) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None:
            return
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_pipe)
        os.write(self._pipe[1], bytes([_LEAVE]))
        self._thread.join()
        for descriptor in self._pipe:
            os.close(descriptor)

    def _notice(self, number: int, frame: FrameType | None) -> None:
        self.requested = True

    def _watch(self) -> None:
        first: float | None = None
        while (number := os.read(self._pipe[0], 1)[0]) != _LEAVE:
            if number not in _SIGNALS:
                continue
            if first is None:
                first = time.monotonic()
                _say("stopping at the next batch; again to stop at once")
            elif time.monotonic() - first > _SAME_SIGNAL_SECONDS:
                _say("stopped at once; the same command goes on from the last checkpoint")
                os._exit(1)


def _say(line: str) -> None:
    """Write past Python's buffers, which the interrupted thread may hold, and give back a bar's cursor."""
    os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + line.encode() + b"\n")
