"""The box is described as Vagrant wants it, and is set up by the course's own script."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BOX = Path(__file__).resolve().parents[2] / "vagrant"


def test_vagrant_finds_the_description_valid(tmp_path: Path) -> None:
    if shutil.which("vagrant") is None:
        pytest.skip("vagrant is not installed; Debian has it as the package vagrant")
    shutil.copytree(BOX, tmp_path / "vagrant", ignore=shutil.ignore_patterns(".vagrant"))
    environment = {**os.environ, "VAGRANT_HOME": str(tmp_path / "home"), "VAGRANT_CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(
        ["vagrant", "validate", "--ignore-provider"],
        cwd=tmp_path / "vagrant",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_description_is_ruby() -> None:
    if shutil.which("ruby") is None:
        pytest.skip("ruby is not installed")
    done = subprocess.run(["ruby", "-c", BOX / "Vagrantfile"], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "Syntax OK", done.stderr


@pytest.mark.parametrize(("ends_with", "code"), [("exit 0", 0), ("exit 1", 1)])
def test_the_box_is_set_up_by_the_course_s_own_script(tmp_path: Path, ends_with: str, code: int) -> None:
    """The script is run here with a course that only writes down how it was called, and no right to become root."""
    course = tmp_path / "a course"
    course.mkdir()
    script = course / "lab"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >>"{tmp_path}/called"\n{ends_with}\n')
    script.chmod(0o755)
    sudo = tmp_path / "bin" / "sudo"
    sudo.parent.mkdir()
    sudo.write_text("#!/bin/sh\nexit 1\n")
    sudo.chmod(0o755)
    environment = {"PATH": f"{sudo.parent}:/usr/bin:/bin"}
    done = subprocess.run(
        ["/bin/sh", BOX / "provision.sh", course], env=environment, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / "called").read_text() == f"{script} doctor\n"
