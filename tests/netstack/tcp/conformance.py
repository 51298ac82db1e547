"""Which clause of which RFC is obeyed where, and which test says so; and which are not obeyed, and why.

`python -m tests.netstack.tcp.conformance` writes this down as `docs/rfc.md`, and the diagram of states into
`docs/tcp.md`. Functions are named from `netstack` on, tests by their file and name in this folder.
"""

# ruff: noqa: E501 - a table reads better in rows
# fmt: off

import re
from collections.abc import Sequence
from pathlib import Path

from netstack.tcp.states import diagram

ROOT = Path(__file__).parents[3]
RFC, TCP = ROOT / "docs" / "rfc.md", ROOT / "docs" / "tcp.md"

Clause = tuple[str, str, str, str]
"""Its number, what it asks for, the function that does it, the test that would notice."""

TITLES = {
    "9293": "Transmission Control Protocol",
    "1122": "Requirements for hosts",
    "6298": "The retransmission timer",
    "5681": "Congestion control",
    "6582": "NewReno",
    "3042": "Limited transmit",
    "3465": "Appropriate byte counting",
    "2018": "Selective acknowledgements",
    "6675": "Loss recovery with selective acknowledgements",
    "8985": "RACK and tail loss probes",
    "6928": "A larger initial window",
    "9438": "CUBIC",
    "7661": "Windows that are not used",
    "7323": "Window scale, timestamps, PAWS",
    "3168": "Explicit congestion notification",
    "5961": "Blind attacks",
    "6528": "Initial sequence numbers",
    "6191": "TIME-WAIT and timestamps",
    "6056": "Ephemeral ports",
}

MET: Sequence[tuple[str, Clause]] = [
    ("9293", ("3.3.2", "the states and moves of figure 5, and no other", "tcp.states.TRANSITIONS", "test_states.test_the_rfc_s_figure_has_these_moves_and_no_other")),
    ("9293", ("3.4", "numbers wrap at 2³²", "tcp.arrivals._position", "test_handshake.test_numbers_wrap_in_every_phase")),
    ("9293", ("3.4, table 6", "which segments are acceptable", "tcp.hardening.is_acceptable", "test_hardening.test_no_segment_breaks_anything_in_any_state")),
    ("9293", ("3.5", "both sides open at the same time", "tcp.arrivals._take_crossing_syn", "test_handshake.test_two_ends_that_open_at_the_same_time_talk")),
    ("9293", ("3.5.2", "a reset answers what belongs to no connection", "ports.reset_for", "../test_host.test_nobody_listens")),
    ("9293", ("3.6", "closing from either side, or both at once", "tcp.connection.Connection.shut_down", "test_states.test_both_close_at_the_same_time")),
    ("9293", ("3.6.1", "TIME-WAIT lasts; a repeated FIN starts it anew", "tcp.connection.Connection.begin_to_wait", "test_states.test_time_wait_starts_anew_with_a_repeated_fin_but_not_with_anything_else")),
    ("9293", ("3.7.1", "the segment size: announced, 536 by default, options counted", "tcp.negotiation.agree", "test_handshake.test_the_segment_size")),
    ("9293", ("3.7.4", "Nagle's rule, and off if asked", "tcp.sender.Sender._is_worth_sending", "test_sender.test_nagle_one_small_segment_at_a_time")),
    ("9293", ("3.8.1", "retransmission until an acknowledgement comes", "tcp.sender.Sender._time_out", "test_round_trip.test_timeouts_double_and_the_same_segment_goes_again")),
    ("9293", ("3.8.3", "R2: the user's patience", "tcp.sender.Sender.handle_timer", "test_sender.test_patience_ends")),
    ("9293", ("3.8.4", "keepalive: off by default, asks with an old number", "tcp.keepalive.Keepalive.ask", "test_sender.test_keepalive_asks_after_a_long_silence_and_gives_up")),
    ("9293", ("3.8.6", "a sender bears a window that shrinks", "tcp.sender.Sender._cut", "test_sender.test_a_shrunk_window_stops_what_is_new_and_not_what_must_go_again")),
    ("9293", ("3.8.6", "a receiver does not shrink it", "tcp.receiver.Receiver.announce", "test_receiver.test_the_promise_of_the_window")),
    ("9293", ("3.8.6.1", "closed windows are probed, ever more rarely, for ever", "tcp.probes.Persist.ask", "test_sender.test_a_window_may_stay_closed_for_days_while_probes_are_answered")),
    ("9293", ("3.8.6.2.1", "silly windows: the sender's side, with its override", "tcp.sender.Sender._is_worth_sending", "test_sender.test_silly_windows_are_not_filled")),
    ("9293", ("3.8.6.2.2", "silly windows: the receiver's side", "tcp.receiver.Receiver._offer", "test_receiver.test_no_silly_windows")),
    ("9293", ("3.8.6.3", "acknowledgements held back, under half a second", "tcp.receiver.Receiver._decide", "test_receiver.test_a_single_segment_waits_for_company")),
    ("9293", ("3.9.2.2", "errors of ICMP end an attempt to connect, no open connection", "host.Host._take_unreachable", "../test_host.test_nobody_is_there")),
    ("9293", ("3.10.4", "CLOSE in each state", "tcp.connection.Connection.close", "test_states.test_closing_before_the_handshake_is_over")),
    ("9293", ("3.10.5", "ABORT in each state", "tcp.connection.Connection.abort", "test_states.test_giving_up")),
    ("9293", ("3.10.7.3", "a segment arrives in SYN-SENT", "tcp.arrivals.take_in_syn_sent", "test_handshake.test_an_answer_that_acknowledges_something_else_is_reset_and_ignored")),
    ("9293", ("3.10.7.4", "a segment arrives later: number, RST, SYN, ACK, text, FIN", "tcp.arrivals.take_in", "test_hardening.test_no_segment_breaks_anything_in_any_state")),
    ("9293", ("3.10.7.4, first check", "with our window closed, acknowledgements are still taken", "tcp.hardening.is_acceptable", "test_receiver.test_a_closed_window_still_takes_acknowledgements")),
    ("9293", ("3.10.7.4", "which segments tell the window", "tcp.sender.Sender._take_window", "test_sender.test_a_new_acknowledgement_in_an_old_segment_does_not_leave_the_old_window")),
    ("1122", ("3.2.1.3", "packets that no honest host sends", "internet.Internet._is_impossible", "../test_host.test_a_packet_from_ourselves_or_from_nobody_is_ignored")),
    ("1122", ("4.2.2.13", "closing with something unread resets", "tcp.connection.Connection.close", "test_states.test_closing_with_something_unread_resets")),
    ("6298", ("2", "the estimator; one second to begin with", "tcp.rtt.RoundTrip.sample", "test_round_trip.test_by_hand")),
    ("6298", ("3", "Karn's rule", "tcp.sender.Sender._measure", "test_round_trip.test_karn_what_was_sent_twice_is_no_sample_and_back_off_stays")),
    ("6298", ("5.1 to 5.3", "when the timer runs", "tcp.sender.Sender._advance", "test_round_trip.test_the_timer_runs_while_something_is_under_way")),
    ("6298", ("5.5", "back-off, until a new sample", "tcp.rtt.RoundTrip.back_off", "test_round_trip.test_it_doubles_until_a_new_sample_and_never_beyond_the_most")),
    ("6298", ("5.7", "three seconds after a lost SYN", "tcp.rtt.RoundTrip.syn_was_lost", "test_handshake.test_a_lost_syn_leaves_the_timeout_at_three_seconds_while_nothing_is_measured")),
    ("5681", ("2", "what a duplicate acknowledgement is", "tcp.sender.Sender.receive", "test_loss_recovery.test_what_is_no_duplicate_does_not_count")),
    ("5681", ("3.1", "slow start and congestion avoidance", "tcp.congestion.NewReno.acknowledged", "test_congestion.test_congestion_avoidance_adds_a_segment_each_round_trip")),
    ("5681", ("3.1, equation 4", "half of what is under way", "tcp.congestion.NewReno.lost", "test_congestion.test_loss_halves_what_was_under_way")),
    ("5681", ("3.2", "fast retransmit at the third duplicate", "tcp.loss.DuplicateAcks.acknowledged", "test_loss_recovery.test_three_duplicates_and_the_first_segment_goes_again")),
    ("5681", ("4.1", "an idle connection begins anew", "tcp.congestion.NewReno.idled", "test_congestion.test_an_idle_connection_begins_anew")),
    ("5681", ("4.2", "an acknowledgement for every second full segment", "tcp.receiver.Receiver._decide", "test_receiver.test_every_second_full_segment_whatever_the_other_side_takes_for_full")),
    ("5681", ("4.2", "at once for what is out of order, and what fills a gap", "tcp.receiver.Receiver._decide", "test_receiver.test_at_once_what_the_sender_must_know")),
    ("6582", ("3.2", "partial acknowledgements", "tcp.loss.DuplicateAcks.acknowledged", "test_loss_recovery.test_partial_acknowledgements_mend_one_gap_each")),
    ("6582", ("4", "no recovery from duplicates that a timeout brought about", "tcp.loss.DuplicateAcks.acknowledged", "test_loss_recovery.test_duplicates_after_a_timeout_do_not_begin_a_recovery")),
    ("3042", ("2", "a new segment for each of the first two duplicates", "tcp.flight.Flight.pipe", "test_loss_recovery.test_three_duplicates_and_the_first_segment_goes_again")),
    ("3465", ("2.2, 2.3", "growth by bytes: two segments at most, one after a loss", "tcp.congestion.slow_start", "test_congestion.test_one_acknowledgement_of_much_is_no_licence_for_a_burst")),
    ("2018", ("4", "blocks: the latest first, as many as fit", "tcp.reassembler.Reassembler.blocks", "test_reassembler.test_blocks_are_joined_and_the_latest_comes_first")),
    ("2018", ("8", "a timeout forgets them", "tcp.flight.Flight.lose_all", "test_loss_recovery.test_a_timeout_forgets_what_had_arrived_for_it_may_have_been_thrown_away")),
    ("6675", ("3", "pipe", "tcp.flight.Flight.pipe", "test_loss_recovery.test_the_counters_are_right_after_each_step")),
    ("6675", ("4, IsLost", "three behind it have arrived; records are counted, not bytes", "tcp.loss.Counting.acknowledged", "test_loss_recovery.test_three_behind_it_have_arrived_so_it_is_lost")),
    ("6675", ("5", "one reduction for all that one window loses", "tcp.recovery.Recovery._found", "test_loss_recovery.test_the_window_shrinks_once_for_all_that_one_window_loses")),
    ("8985", ("6.2, steps 1 to 3", "what was sent last of all that arrived; reordering", "tcp.rack.Rack._arrived", "test_rack.test_a_gap_that_closes_behind_what_was_known_is_no_reordering")),
    ("8985", ("6.2, step 4", "patience: a quarter of the round trip, or none", "tcp.rack.Rack.acknowledged", "test_rack.test_three_that_arrived_out_of_order_end_the_patience")),
    ("8985", ("6.2, step 5", "what is overdue is lost, what is sent again too", "tcp.rack.Rack.handle_timer", "test_rack.test_a_retransmission_that_is_lost_again_is_found")),
    ("8985", ("7.2", "when to probe the tail", "tcp.probes.TailProbe.schedule", "test_rack.test_a_single_segment_is_given_the_time_for_a_held_back_acknowledgement")),
    ("8985", ("7.3", "with what", "tcp.sender.Sender._probe_tail", "test_rack.test_a_probe_is_something_new_if_there_is_anything")),
    ("6928", ("2", "ten segments to begin with", "tcp.parts.initial_window", "test_congestion.test_the_first_window")),
    ("6928", ("2", "after lost handshakes, as Linux: one is chance, two are congestion", "tcp.sender.Sender._opened", "test_handshake.test_the_first_window_after_lost_handshakes")),
    ("9438", ("4.2, 4.4, 4.5", "the curve", "tcp.cubic.Cubic.acknowledged", "test_congestion.test_the_window_follows_the_curve")),
    ("9438", ("4.3", "no slower than NewReno", "tcp.cubic.Cubic.acknowledged", "test_congestion.test_on_a_short_path_it_is_no_slower_than_reno")),
    ("9438", ("4.6", "seven tenths are left", "tcp.cubic.Cubic.lost", "test_congestion.test_it_keeps_seven_tenths")),
    ("9438", ("4.7", "fast convergence", "tcp.cubic.Cubic._reduce", "test_congestion.test_whoever_loses_below_the_last_peak_leaves_room")),
    ("9438", ("4.8", "timeouts", "tcp.cubic.Cubic.timed_out", "test_congestion.test_after_a_timeout_the_curve_begins_at_its_plateau")),
    ("7661", ("4", "a window grows only when it has held something back", "tcp.sender.Sender.receive", "test_congestion.test_a_window_that_is_not_used_does_not_grow")),
    ("7323", ("2", "window scale", "tcp.negotiation.scale_for", "test_handshake.test_the_window_of_a_syn_is_never_scaled")),
    ("7323", ("2.4", "rounding does not promise what is not there", "tcp.receiver.Receiver.announce", "test_receiver.test_single_bytes_do_not_talk_a_scaled_window_into_growing")),
    ("7323", ("3.2", "segments without the stamp that was agreed on", "tcp.arrivals._lacks_stamps", "test_hardening.test_a_segment_without_the_stamp_that_was_agreed_on")),
    ("7323", ("4.1", "round trips by echo, when something is newly acknowledged", "tcp.sender.Sender._measure", "test_round_trip.test_with_timestamps_the_echo_tells_which_try_was_answered")),
    ("7323", ("4.3", "which stamp to echo", "tcp.arrivals._note", "test_hardening.test_the_stamp_echoed_is_that_of_the_first_segment_not_yet_acknowledged")),
    ("7323", ("5.3", "PAWS", "tcp.timestamps.Timestamps.is_old", "test_hardening.test_paws")),
    ("7323", ("5.5", "24 days", "tcp.timestamps.Timestamps.is_old", "test_hardening.test_a_stamp_is_no_longer_believed_after_24_days")),
    ("3168", ("6.1.1", "asking and granting", "tcp.negotiation.asks_for_ecn", "test_ecn.test_an_answer_without_it_or_from_a_mere_reflector")),
    ("3168", ("6.1.2", "slowing down once per window; CWR on the first new data", "tcp.recovery.Recovery.congested", "test_ecn.test_an_echo_that_our_answer_has_not_reached_yet_is_not_news")),
    ("3168", ("6.1.3", "the echo, until CWR", "tcp.arrivals._note", "test_ecn.test_a_mark_is_echoed_until_the_other_side_has_slowed_down")),
    ("3168", ("6.1.4, 6.1.5", "only new data may be marked", "tcp.connection.Connection.marks_capable", "test_ecn.test_only_new_data_may_be_marked")),
    ("5961", ("3.2", "resets must be exact", "tcp.arrivals._take_reset", "test_hardening.test_a_reset_inside_the_window_must_be_exact")),
    ("5961", ("4.2", "a SYN is challenged", "tcp.arrivals.take_in", "test_hardening.test_a_syn_in_the_midst_is_challenged")),
    ("5961", ("5.2", "acknowledgements must be of something sent", "tcp.hardening.is_believable", "test_hardening.test_data_that_acknowledges_what_was_never_sent_is_dropped")),
    ("5961", ("7", "challenges are limited, for each connection by itself", "tcp.hardening.Challenges.allow", "test_hardening.test_challenges_are_limited")),
    ("6528", ("3", "a clock and a keyed hash", "tcp.isn.initial_sequence_number", "test_hardening.test_numbers_move_on_with_time_and_differ_by_endpoint_and_secret")),
    ("6191", ("2", "a later SYN ends TIME-WAIT", "tcp.connection.Connection.yields_to", "test_states.test_time_wait_yields_to_a_syn_that_cannot_be_an_old_one")),
    ("6056", ("3.3.1", "random ports", "ports.Ports.draw_port", "../test_host.test_ports_are_drawn_at_random_and_never_twice")),
]

UNMET: Sequence[tuple[str, str, str]] = [
    ("RFC 9293, 3.8.5", "the urgent pointer", "Its bytes are ordinary data, as RFC 6093 advises new programs to see them; nothing in the course uses it."),
    ("RFC 9293, 3.7.2 and RFC 1191", "path MTU discovery", "The segment size follows our own link's MTU. A smaller one on the way loses packets that are never made smaller; the course's networks have one MTU."),
    ("RFC 9293, 3.10.7.4", "a reset in SYN-RECEIVED leads back to LISTEN", "The listener is an object of its own and still listens; the half-open connection ends."),
    ("RFC 9293, 3.10.7.2", "data that comes with a SYN", "It is not kept: its sender sends it again, as it must be able to."),
    ("RFC 9293, 3.8.3, MUST-23", "a SYN is given at least three minutes", "As on Linux it is repeated six times, over 127 seconds; `Settings.syn_retries` is a setting."),
    ("RFC 6429", "an end to connections whose other side never opens its window, but answers", "The user may give up (`abort`); a connection that was closed with something unsent waits for as long as it is answered."),
    ("RFC 6298, 2.4", "the timeout is at least a second", "As on Linux, its second term is at least 0.2 s."),
    ("RFC 6582, 3.2, step 2", "no recovery when an acknowledgement reaches the end of the last episode exactly", "It would leave honest losses to the timer; after a timeout duplicates are ignored for as long as it takes."),
    ("RFC 6675, 4, NextSeg rules 3 and 4", "segments not known to be lost are sent again when there is nothing else", "The tail probe of RFC 8985 does the same work."),
    ("RFC 8985, 6.2, step 4", "patience that grows with spurious retransmissions", "It needs D-SACK."),
    ("RFC 8985, 7.4", "a loss that a tail probe has mended is still a loss", "Telling it from a late acknowledgement needs D-SACK. So one lost last segment goes unpunished."),
    ("RFC 2883", "D-SACK", "Nobody here undoes a reduction yet, so nothing would listen."),
    ("RFC 5682, RFC 3522", "F-RTO, Eifel: undoing timeouts that were none", "A spurious timeout costs a window of retransmissions, and the window; nothing is wrong but slow."),
    ("RFC 6937", "proportional rate reduction", "After a loss the window shrinks at once, and sending pauses until half of it is acknowledged."),
    ("RFC 9438, 4.10", "HyStart++, an earlier end of slow start", "The first overshoot is paid for by a recovery; the table in `goodput.md` shows its price."),
    ("RFC 6191, 2", "a number beyond the old connection's, when TIME-WAIT is cut short", "The clock of RFC 6528 sees to that up to 250 kB/s; beyond, timestamps do."),
    ("RFC 1337", "resets in TIME-WAIT are ignored", "RFC 9293 has them end it, and so do we."),
    ("RFC 4987", "SYN cookies", "A full backlog drops further SYNs; a flood keeps others out for as long as it lasts."),
    ("RFC 7413", "TCP Fast Open", "It needs a change in programs and a cache of cookies; it teaches little that TLS's early data does not."),
    ("RFC 8684, RFC 5925", "several paths; authentication", "Out of scope."),
    ("RFC 8200 and others", "IPv6", "The course's networks speak IPv4."),
]


# fmt: on
def document() -> str:
    """`docs/rfc.md`."""
    lines = [
        "# TCP, clause by clause",
        "",
        "Made by `python -m tests.netstack.tcp.conformance`; a test fails when it is out of date, or names something that",
        "is not there. Functions are below `netstack`, tests in `tests/netstack/tcp`.",
        "",
        "## Not met",
        "",
        "| clause | what | why |",
        "| --- | --- | --- |",
        *(f"| {clause} | {what} | {why} |" for clause, what, why in UNMET),
    ]
    for number, title in TITLES.items():
        lines += [
            "",
            f"## RFC {number}: {title}",
            "",
            "| clause | what | function | test |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| {clause} | {what} | `{function}` | `{test}` |"
            for rfc, (clause, what, function, test) in MET
            if rfc == number
        ]
    return "\n".join([*lines, ""])


def with_diagram(text: str) -> str:
    """`docs/tcp.md` with the present diagram."""
    return re.sub(r"```mermaid\nstateDiagram.*?```", lambda _: f"```mermaid\n{diagram()}```", text, flags=re.DOTALL)


if __name__ == "__main__":
    RFC.write_text(document(), encoding="utf-8")
    TCP.write_text(with_diagram(TCP.read_text(encoding="utf-8")), encoding="utf-8")
