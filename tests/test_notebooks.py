"""The lectures run: every cell of every notebook, from a fresh kernel, and each figure is there."""

import json
import sys
import time
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="Jupyter is not installed; ./lab test --all installs it")
nbclient = pytest.importorskip("nbclient", reason="Jupyter is not installed; ./lab test --all installs it")
pytest.importorskip("ipykernel", reason="Jupyter is not installed; ./lab test --all installs it")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LICENCE = "licensed under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)"
ESSAY = "https://philcalcado.com/2017/08/03/pattern_service_mesh.html"
FOR_A_LECTURE = 60.0  # seconds for all cells together, on a busy machine


@pytest.fixture
def _own_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that is this Python, whatever kernels the user has."""
    from jupyter_client.kernelspec import KernelSpecManager

    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.joinpath("kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "Python 3", "language": "python"})
    )
    assert KernelSpecManager().get_kernel_spec("python3").argv == command


@pytest.mark.slow
@pytest.mark.usefixtures("_own_kernel")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")  # of jupyter's own packages
def test_a_lecture_runs_from_its_first_cell_to_its_last(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    began = time.monotonic()
    client = nbclient.NotebookClient(notebook, timeout=30, resources={"metadata": {"path": str(path.parent)}})
    client.execute()
    assert time.monotonic() - began < FOR_A_LECTURE
    shown = [
        output.data["text/html"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    ]
    assert len(shown) >= 5, "a lecture has its figures"
    for figure in shown:
        assert "<svg" in figure
        assert "<script" not in figure


FAILING = """
from labs.story.notebook import Lecture
lab = Lecture("0")
lab.write("teams.py", "import what_nobody_has")
played = lab.play("questions")  # and nobody looks at it
"""


@pytest.mark.slow
@pytest.mark.usefixtures("_own_kernel")
@pytest.mark.filterwarnings("default")  # of jupyter's own packages
def test_a_program_that_fails_where_none_should_is_seen() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FAILING)])
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="No module named 'what_nobody_has'"):
        nbclient.NotebookClient(notebook, timeout=30).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lecture_is_kept_without_output_and_says_whose_it_is(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert LICENCE in words
    assert ESSAY in words
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
