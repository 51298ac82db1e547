"""Events that are heard of late are told in their turn."""

from labs.story.in_order import InOrder
from labs.story.trace import Event, Note


def note(at: int, text: str = "") -> Note:
    return Note(at, "a", "main", text)


def test_what_comes_late_is_told_before_what_happened_after_it() -> None:
    told: list[Event] = []
    events = InOrder(told.append, hold=10)
    events.add(note(5))
    events.release(14)
    events.add(note(3))
    assert (told, events.next_due()) == ([], 13)
    events.release(14)
    assert told == [note(3)]
    events.release(15)
    assert (told, events.next_due()) == ([note(3), note(5)], None)


def test_at_the_end_all_is_told_and_of_one_instant_in_the_order_in_which_it_came() -> None:
    told: list[Event] = []
    events = InOrder(told.append)
    for event in (note(7, "z"), note(7, "a"), note(6)):
        events.add(event)
    events.flush()
    assert told == [note(6), note(7, "z"), note(7, "a")]
