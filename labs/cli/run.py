"""`lab run`: one of the lab's scenes, played with the student's programs, frame by frame."""

import argparse
import sys
from pathlib import Path

from labs import workspace
from labs.cli.chosen import (
    add_lab,
    add_submission,
    chosen_lab,
    chosen_submission,
    core_steps,
    refusing,
    require_groups,
    seed,
)
from labs.cli.exit import FAILED, INCONCLUSIVE, PASSED, Refusal
from labs.cli.terminal import escape, paint
from labs.course import TESTBEDS, Lab
from labs.grading import answers, reports
from labs.grading.answers import given_folder
from labs.grading.checks import import_part
from labs.story.escape import plain
from labs.story.telling import Teller
from labs.story.trace import Event
from labs.testbed import testbeds
from labs.testbed.cast import Cast, CastError
from labs.testbed.judge import Broken
from labs.testbed.scene import Scene
from labs.testbed.sim import Played

SUMMARY = "play the lab's scene with your programs, frame by frame"

BEST = ("mininet", "sim")
_FAILURES = ("raised", "died", "stopped")


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument("--scene", metavar="NAME", help="one of the lab's scenes (default: its first)")
    parser.add_argument("--on", choices=TESTBEDS, help="where to play it (default: mininet if it can be had)")
    parser.add_argument("--seed", type=seed, default=1, metavar="HEX", help="what chance depends on (default: 1)")
    parser.add_argument("--netem", action="store_true", help="let the kernel's netem impair the links (mininet only)")
    parser.add_argument("--brief", action="store_true", help="without the bytes of each frame")
    add_submission(parser)


def run(args: argparse.Namespace) -> int:
    """Play, and tell each event as it happens; then what the programs printed, and where the report lies."""
    _, lab = chosen_lab(args.lab)
    submission = chosen_submission(lab, args.submission)
    require_groups(core_steps(lab))
    scene, is_own = chosen_scene(lab, submission, args.scene)
    testbed = _testbed("sim" if is_own and not args.netem else args.on, netem=args.netem)
    print(paint(f"lab {lab.number}, scene {scene.name!r} on {testbed}; Ctrl-C ends it", "bold"), flush=True)
    teller = Teller.of(lab, with_bytes=not args.brief)
    played = _play(lab, submission, scene, testbed, args.seed, teller, netem=args.netem)
    print(f"the end: {plain(played.trace.ended)}")
    for (host, program), output in played.output.items():
        if output:
            print(f"{program} on {host} printed:\n{plain(output, lines=True)}")
    print(f"report: {reports.write_run(lab, played)}")
    if played.overrun:
        print(f"broken off: {played.overrun}; the machine is busy, or the scene too much for it", file=sys.stderr)
        return INCONCLUSIVE
    return FAILED if any(each.how in _FAILURES for each in played.trace.exits()) else PASSED


def _testbed(wanted: str | None, *, netem: bool) -> str:
    """Where to play; raises `Refusal` when that cannot be had here."""
    best = ("mininet",) if netem else BEST
    testbed, reason = testbeds.choose([wanted] if wanted else best)
    if not testbed:
        raise Refusal(escape(reason), cure="./lab doctor, or --on sim", code=INCONCLUSIVE)
    if not netem:
        return testbed
    if testbed != "mininet":
        raise Refusal(f"netem belongs to the kernel, and {testbed} has none", cure="leave out --on or --netem")
    from labs.testbed.network import netem_available

    if reason := netem_available() or "":
        raise Refusal(escape(reason), cure="./lab doctor tells what this machine has", code=INCONCLUSIVE)
    return testbed


def chosen_scene(lab: Lab, submission: Path, name: str | None) -> tuple[Scene, bool]:
    """The scene called `name`, and whether it is the student's own: one that questions are about, judged on `sim`."""
    with refusing():
        scenes: dict[str, Scene] = import_part(lab, "scenes").SCENES
        if name is None:
            return next(iter(scenes.values())), False
        if name in scenes:
            return scenes[name], False
        own = answers.own_scenes(lab, _key(submission))
    if name not in own:
        raise Refusal(f"lab {lab.number} has no scene {name!r}", cure=f"its scenes are {', '.join([*scenes, *own])}")
    return own[name], True


def _key(submission: Path) -> str:
    """The key in the submission's answers, else the student's."""
    try:
        return answers.key_of(submission)
    except Broken:
        return workspace.student_key()


def _play(
    lab: Lab, submission: Path, scene: Scene, testbed: str, number: int, teller: Teller, *, netem: bool
) -> Played:
    def watch(event: Event) -> None:
        print(teller.tell(event), flush=True)

    try:
        cast = Cast(own=submission, given=given_folder(lab), hidden=lab.hidden, preload=scene.preload)
        with cast:
            if netem:
                from labs.testbed import emulated  # Linux only

                return emulated.play(scene, cast, seed=number, watch=watch, netem=True)
            return testbeds.play_on(testbed)(scene, cast, seed=number, watch=watch)
    except CastError as error:
        raise Refusal(f"the programs could not be started: {escape(str(error))}", cure="./lab doctor") from None
