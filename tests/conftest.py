"""Where the real corpora lie (tests that need them skip with a clear word when they are absent); no site file."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("CORPUSMILL_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session", autouse=True)
def no_site_file() -> None:
    """What the developer's own site file says must not reach the tests."""
    os.environ["CORPUSMILL_SITE"] = os.devnull


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora, or a skip that says which variable names it."""
    if not SHARED.is_dir():
        pytest.skip(f"real corpora not found at {SHARED}; set CORPUSMILL_SHARED_DATA to run this test")
    return SHARED
