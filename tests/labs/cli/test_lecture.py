"""The lectures open where Jupyter is, and say what is missing where it is not."""

import io
import sys
from pathlib import Path

import pytest

from labs.cli.main import main


def test_jupyter_is_not_installed_unasked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("CI", "DOWNSTACK_YES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))  # a virtual environment in which nothing was ever installed
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["lecture"]) == 64
    assert "this needs Jupyter" in capsys.readouterr().err
