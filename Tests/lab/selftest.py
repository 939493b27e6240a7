"""Other days than Tests/day's own, told to its judge: what it must find, beside the nearest that it must let pass."""

import asyncio
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import course
from backbone import Search
from judge import ANSWERED, Judge
from knowledge import SETTLED
from mesh import Pod, Program, virtual_address
from remains import WARM_UP, judge_memory, judge_rests, tracked, unexplained

NOON = 1_000_000.0


class Days(unittest.TestCase):
    def setUp(self):
        self.judge = Judge(lambda text: None)
        self.calls = 0
        self.web = self.pod("s-web", "web", "east", "10.10.1.10")
        self.cart = self.pod("s-cart", "cart", "south", "10.10.3.10")

    def pod(self, name, role, node, address, started=NOON - 60):
        pod = Pod(name, role, node, address)
        pod.started, pod.ready = started, started + 1
        self.judge.pods[name] = pod
        return pod

    def call(self, outcome, at=0.0, took=0.1, to=None, server=None, pod=None, taken=(), last=None, detail=None):
        """A call of the web pod to the carts, or to one pod's address; moments count from noon."""
        self.calls += 1
        ask = {"call": self.calls, "service": to is None, "role": to.role if to else "cart", "what": "cart"}
        ask["to"] = [to.address if to else virtual_address("cart"), 9000]
        result = {"call": self.calls, "outcome": outcome, "started": NOON + at, "ended": NOON + at + took, "detail": detail}
        if server:
            result.update(server=server.name, answered=NOON + at + 0.05)
            result["last"] = NOON + at + took if last is None else NOON + last
        for pod_of, said in taken:
            self.judge.heard_by_server(pod_of, {"served": self.calls, "outcome": said, "detail": detail})
        self.judge.heard_by_client(pod or self.web, ask, result)

    def complete(self, server=None, **options):
        server = server or self.cart
        self.call("complete", server=server, taken=[(server, "complete")], **options)

    def found(self, *kinds):
        self.judge.reconcile()
        self.assertEqual([kind for kind, _ in self.judge.problems], list(kinds), self.judge.problems)

    def fault(self, kind, node, begin, end):
        fault = self.judge.known.begin_fault(kind, node, NOON + begin)
        fault.down = fault.end = NOON + end
        if kind in ("killed", "ended"):
            fault.down = NOON + begin + 0.1
        return fault

    def policy(self, at, callers):
        self.judge.known.set_policy("cart", NOON + at, callers)

    # Bytes

    def test_a_call_that_gets_through_is_in_order(self):
        self.complete()
        self.found()

    def test_a_wrong_byte_is_found_by_client_and_server(self):
        self.call("wrong", server=self.cart, taken=[(self.cart, "wrong")], detail="other bytes than were sent, after 0")
        self.found("bytes", "bytes")

    def test_an_early_clean_end_is_found_even_when_a_proxy_was_killed(self):
        self.fault("killed", "south", 0, 5)
        self.call("wrong", server=self.cart, detail="a clean end after 3 of 64 bytes")
        self.found("bytes")

    def test_bytes_that_only_the_client_takes_for_complete_are_found(self):
        self.call("complete", server=self.cart, taken=[(self.cart, "broken")])
        self.found("bytes")

    def test_a_call_that_is_delivered_twice_is_found(self):
        other = self.pod("p1", "cart", "north", "10.10.2.100")
        self.call("complete", server=self.cart, taken=[(other, "broken"), (self.cart, "complete")])
        self.found("twice")

    def test_an_answer_that_never_comes_is_found_even_when_a_link_was_down(self):
        self.fault("link", "south", 0, 2)
        self.call("timeout", took=60)
        self.found("time")

    # Where they arrive

    def test_a_call_to_a_service_that_reaches_another_is_found(self):
        self.complete(server=self.pod("p1", "ledger", "south", "10.10.3.100"))
        self.found("misdelivered")

    def test_a_call_that_reaches_a_pod_that_is_gone_is_found(self):
        gone = self.pod("p1", "cart", "south", "10.10.3.100")
        gone.leaving = gone.stopping = gone.ended = NOON - 5
        self.complete(server=gone)
        self.found("misdelivered")

    def test_who_has_the_address_when_the_call_arrives_may_take_it(self):
        old = self.pod("p1", "cart", "south", "10.10.3.100")
        old.leaving = old.stopping = old.ended = NOON - 5
        heir = self.pod("p2", "ledger", "south", "10.10.3.100", started=NOON - 4)
        self.complete(server=heir, to=heir)
        self.found()
        self.complete(server=old, to=heir)
        self.found("misdelivered")

    def test_an_endpoint_that_is_going_or_not_ready_is_chosen_by_nobody(self):
        other = self.pod("p1", "cart", "north", "10.10.2.100")
        other.leaving = NOON - SETTLED + 0.1
        self.complete(server=other)
        self.complete(server=other, at=1, to=other)
        self.found()
        self.complete(server=other, at=1)
        self.found("endpoint")
        self.pod("p2", "cart", "north", "10.10.2.101").ready = None
        self.complete(server=self.judge.pods["p2"])
        self.found("endpoint", "endpoint")

    # Time

    def test_an_answer_that_comes_late_is_found_unless_a_fault_held_it_up(self):
        def slow(to):
            self.calls += 1
            name = {"call": self.calls, "service": to is None, "role": "cart", "what": "cart"}
            name["to"] = [to.address if to else virtual_address("cart"), 9000]
            self.judge.heard_by_server(self.cart, {"served": self.calls, "outcome": "complete"})
            self.judge.heard_by_client(self.web, name, {
                "call": self.calls, "outcome": "complete", "started": NOON, "server": "s-cart",
                "answered": NOON + ANSWERED + 0.1, "last": NOON + ANSWERED + 0.1, "ended": NOON + ANSWERED + 0.1})

        slow(self.cart)
        self.found("late")
        self.fault("link", "north", 0, 1)
        slow(None)
        self.found("late")
        slow(self.cart)
        self.found("late", "late")
        self.fault("link", "south", 0, 1)
        slow(self.cart)
        self.found("late", "late")

    # Policy

    def test_who_is_denied_is_refused_and_not_let_through(self):
        self.policy(-10, ["ledger"])
        self.call("refused")
        self.found()
        self.assertEqual(self.judge.counts["refused by policy"], 1)
        self.complete()
        self.found("policy")

    def test_a_policy_has_its_time_to_settle_and_no_more(self):
        self.policy(-SETTLED + 0.2, [])
        self.complete(took=0.1, last=0)
        self.found()
        self.complete(at=0.3)
        self.found("policy")

    def test_a_call_under_way_is_cut_in_time(self):
        self.policy(2, [])
        self.call("broken", at=0, took=2.5, server=self.cart, last=2)
        self.found()
        self.assertEqual(self.judge.counts["cut by policy"], 1)
        self.call("broken", at=0, took=2 + SETTLED + 1, server=self.cart)
        self.found("policy", "late")

    def test_what_a_link_has_held_up_comes_after_the_cut(self):
        self.policy(2, [])
        self.call("broken", took=7, server=self.cart)
        self.found("policy", "late")
        self.fault("link", "east", 1, 5)
        self.call("broken", took=7, server=self.cart)
        self.found("policy", "late")

    def test_a_cut_that_comes_late_is_found_though_nothing_was_sent_meanwhile(self):
        self.policy(2, [])
        self.call("broken", took=2 + SETTLED - 0.1, server=self.cart, last=1)
        self.found()
        self.call("broken", took=2 + SETTLED + 0.1, server=self.cart, last=1)
        self.found("late")

    def test_a_link_that_is_down_gives_a_policy_time_and_another_node_s_does_not(self):
        self.policy(-SETTLED, [])
        self.fault("link", "south", -2, -0.5)
        self.complete()
        self.found()
        self.judge.known.faults[0].node = "north"
        self.complete()
        self.found("policy")

    def test_a_control_plane_that_is_away_gives_a_policy_time(self):
        away = self.fault("control", "control", -12, -9)
        # A change shortly before or after it is back is heard of when the nodes have found it.
        for change in (-10, -7):
            self.policy(change, [])
        heard = away.recovered + SETTLED - NOON
        self.complete(at=heard - 1, took=0.1)
        self.found()
        self.complete(at=heard + 0.1)
        self.found("policy")

    # Resets

    def test_a_reset_without_a_reason_is_found(self):
        self.call("refused")
        self.call("broken", server=self.cart)
        self.found("reset", "reset")

    def test_a_change_of_policy_long_ago_excuses_no_reset(self):
        self.policy(-60, [])
        self.policy(-30, None)
        self.call("refused")
        self.call("broken", server=self.cart)
        self.found("reset", "reset")

    def test_a_killed_proxy_excuses_what_it_carried_and_only_then(self):
        self.fault("killed", "south", 1, 6)
        self.call("broken", took=1.1, server=self.cart)
        self.found()
        self.call("broken", at=4, took=1, server=self.cart)
        self.call("broken", took=0.5, server=self.cart)
        self.found("reset", "reset")

    def test_a_killed_proxy_of_a_third_node_excuses_nothing(self):
        self.fault("killed", "north", 0, 5)
        self.call("broken", server=self.cart)
        self.call("refused")
        self.found("reset", "reset")

    def test_another_endpoint_is_to_be_tried(self):
        self.fault("killed", "south", -5, 5)
        self.call("refused")
        self.found()
        self.pod("p1", "cart", "north", "10.10.2.100")
        self.call("refused")
        self.found("reset")

    def test_a_link_that_is_down_breaks_nothing_that_was_under_way(self):
        self.fault("link", "south", -1, 5)
        self.call("refused", took=3)
        self.found()
        self.call("broken", took=3, server=self.cart)
        self.found("reset")

    def test_a_link_that_is_down_again_and_again_breaks_what_is_silent_for_too_long(self):
        self.fault("link", "south", 0, 6)
        self.call("broken", took=21, server=self.cart, last=0)
        self.found("reset")
        self.fault("link", "south", 7, 13)
        self.call("broken", took=19, server=self.cart, last=0)
        self.found("reset", "reset")
        self.call("broken", took=21, server=self.cart, last=0)
        self.found("reset", "reset")
        # Nor is one that was heard of since.
        self.call("broken", took=21, server=self.cart, last=2)
        self.found("reset", "reset", "reset")
        near = self.pod("p1", "cart", "east", "10.10.1.100")
        self.call("broken", took=21, server=near, last=0)
        self.found("reset", "reset", "reset", "reset")

    def test_a_denial_that_is_heard_of_late_may_be_over(self):
        self.policy(0, [])
        self.policy(2, None)
        self.call("broken", at=-1, took=8, server=self.cart, last=-0.5)
        self.found("reset")
        self.fault("link", "east", 0, 6)
        self.call("broken", at=-1, took=8, server=self.cart, last=-0.5)
        self.found("reset")
        # What was heard after it was not denied then.
        self.call("broken", at=-1, took=8, server=self.cart, last=5)
        self.found("reset", "reset")

    def test_a_link_excuses_only_what_crosses_it(self):
        near = self.pod("p1", "cart", "east", "10.10.1.100")
        self.fault("link", "east", -1, 5)
        self.call("refused", to=self.cart, took=3)
        self.found()
        self.call("refused", to=near, took=3)
        self.found("reset")

    def test_a_node_that_is_cut_off_does_not_know_its_new_pods(self):
        new = self.pod("p1", "web", "east", "10.10.1.100", started=NOON - 2)
        self.fault("link", "north", -3, 4)
        self.call("refused", pod=new, took=5)
        self.found("reset")
        self.fault("link", "east", -3, 4)
        self.call("refused", pod=new, took=5)
        self.found("reset")
        # It waits for the news, and refuses nobody at once.
        near = self.pod("p2", "cart", "east", "10.10.1.101")
        self.call("refused", pod=new, took=5, to=near)
        self.found("reset")
        self.call("refused", pod=new, took=1, to=near)
        self.found("reset", "reset")

    def test_a_proxy_that_is_killed_later_excuses_nothing(self):
        self.fault("killed", "east", 0.5, 5)
        self.call("refused")
        self.found("reset")
        self.call("refused", at=0.45)
        self.found("reset")

    def test_a_proxy_that_ends_in_order_is_not_chosen_while_there_is_another(self):
        self.pod("p1", "cart", "north", "10.10.2.100")
        self.fault("ended", "south", 0, 6).down = NOON + 5
        self.call("refused", at=0.5)
        self.found()
        self.call("refused", at=2)
        self.found("reset")

    def test_a_control_plane_that_is_away_excuses_no_reset(self):
        self.fault("control", "control", -1, 5)
        self.call("refused")
        self.found("reset")

    def test_an_application_that_was_stopped_excuses_what_it_served_and_only_then(self):
        self.cart.leaving, self.cart.stopping, self.cart.ended = NOON - 1, NOON + 1, NOON + 1.1
        self.call("broken", took=1.2, server=self.cart)
        self.found()
        self.call("broken", took=0.5, server=self.cart)
        self.found("reset")

    def test_a_death_is_heard_of_when_the_link_is_back(self):
        self.cart.leaving, self.cart.stopping, self.cart.ended = NOON - 1, NOON + 1, NOON + 1.1
        self.call("broken", took=8, server=self.cart)
        self.found("reset")
        self.fault("link", "south", 0, 6)
        self.call("broken", took=8, server=self.cart)
        self.found("reset")

    def test_a_pod_that_left_long_ago_is_chosen_by_nobody(self):
        gone = self.pod("p1", "cart", "north", "10.10.2.100")
        gone.leaving, gone.stopping, gone.ended = NOON - 20, NOON - 16, NOON - 15
        self.call("refused")
        self.found("reset")

    # What is left

    def test_memory_that_grows_is_found_and_memory_that_varies_is_not(self):
        def judged(size):
            return judge_memory([(NOON + second, size(second)) for second in range(0, 300, 5)], NOON)[1]

        self.assertIsNone(judged(lambda second: 9000 + (second % 4) * 400))
        self.assertIsNone(judged(lambda second: 9000 + (6000 if second % 45 < 30 else 0)))
        self.assertIsNone(judged(lambda second: 9000 + min(second, WARM_UP) * 50))
        self.assertIsNotNone(judged(lambda second: 9000 + second * 15))
        self.assertIsNotNone(judged(lambda second: 9000 if second < 200 else 14000))
        self.assertIsNone(judge_memory([(NOON + second, second * 1000) for second in range(30)], NOON)[1])

    def test_memory_that_is_kept_from_rest_to_rest_is_found_and_what_differs_by_little_is_not(self):
        def judged(*sizes):
            return judge_rests(list(sizes))[1]

        self.assertIsNone(judged(5600, 5900))
        self.assertIsNone(judged(5600, 9000, 5700, 6000, 5500, 6000))
        self.assertIsNone(judged(3092, 4008))
        self.assertIsNotNone(judged(5600, 7700))
        self.assertIsNotNone(judged(5600, 6100, 6600, 7100, 7600, 8100))
        self.assertIsNone(judged(5600))

    def test_sets_of_labels_explain_memory_and_too_many_of_them_do_not(self):
        self.assertIsNone(judge_rests([unexplained(6424, 367), unexplained(9212, 713)])[1])
        self.assertIsNotNone(judge_rests([unexplained(6424, 367), unexplained(9212, 367)])[1])
        self.assertIsNotNone(judge_rests([unexplained(12_500, 1024), unexplained(16_500, 1524)])[1])

    def test_a_tracked_connection_that_stays_open_is_found_and_one_that_nobody_answered_is_not(self):
        def line(seconds, state, port):
            first, reply = "src=10.10.2.100 dst=10.10.1.10", "src=10.10.1.10 dst=10.10.2.100"
            return (f"ipv4     2 tcp      6 {seconds} {state} {first} sport=52694 dport={port} {reply} sport={port}"
                    " dport=52694 [ASSURED] mark=0 zone=0 use=2")

        kept = [line(431_990, "ESTABLISHED", 15008), line(251, "ESTABLISHED", 9000), line(301, "ESTABLISHED", 15008)]
        ended = [line(251, "ESTABLISHED", 15008), line(431_990, "CLOSE_WAIT", 15008), line(60, "TIME_WAIT", 9000)]
        self.assertEqual(tracked(kept + ended), kept)
        self.assertEqual(tracked(["ipv4     2 udp      17 25 src=10.10.2.100 dst=10.10.1.10 sport=53 dport=53"]), [])

    def test_a_marker_is_found_across_pieces(self):
        search = Search([b"day-of-7"])
        for piece in (b"..day-", b"of-7..day-of-", b"8.day-of-7"):
            search.take(piece)
        self.assertEqual(search.seen, {b"day-of-7": 2})

    # Programs

    def rest(self, words):
        """A rest in which there is one program, of these words."""
        program = Program.__new__(Program)
        with tempfile.TemporaryDirectory() as folder, mock.patch.multiple(course, REST=0.5, REST_LOOKS=1):
            program.name, program.is_node, program.log = "control", False, Path(folder, "log")
            with open(program.log, "wb") as log:
                program.process = subprocess.Popen(["sh", "-c", words], stdout=log)
            program.pid = program.process.pid
            day = course.Course(1)
            day.judge, day.programs = self.judge, {"control": program}
            day.rests, day.labelled = {"control": []}, {"control": 0}
            try:
                asyncio.run(day.watch(day.rest()))
            finally:
                program.process.kill()
                program.process.wait()

    def test_a_program_that_dies_is_found_and_its_last_words_are_told(self):
        self.rest("exec sleep 60")
        self.found()
        self.rest("seq 100; echo that was too much; exit 1")
        self.found("died")
        self.assertRegex(self.judge.problems[0][1], "control has died.*\n92\n(.*\n)*100\nthat was too much$")

    def test_another_failure_is_not_taken_for_a_death(self):
        with mock.patch.object(Program, "anonymous", side_effect=ValueError), self.assertRaises(ValueError):
            self.rest("exec sleep 60")


if __name__ == "__main__":
    unittest.main()
