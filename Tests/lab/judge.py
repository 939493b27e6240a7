"""What the calls of Tests/day must have come to, given what happened meanwhile. Nothing here looks at a clock or a file:
the day tells what it did and what it heard, and Tests/lab/selftest.py tells of other days.

A call that fails is excused only by something that can have touched it, at the moment at which it failed. Each excuse has a
name and is counted.
"""

import math

from knowledge import SETTLED, Knowledge

# What nothing stood in the way of is answered within this time, though a packet be lost.
ANSWERED = 2.0
# What ends the moment its cause comes is seen to have ended within this time; the machine may be busy.
PROMPT = 1.0
# A node that is cut off has not heard of its new pods. Their connections wait for five seconds, almost, before they are refused.
WAITED = 4.0
# Whoever lost a peer while the link was down asks after ten seconds, and gives up after twenty more.
ASKED = 32.0
# Complaints tell of what has happened within so long.
RECENT = 60.0
# After so long without a word a peer is asked, and given up.
GIVEN_UP = 20.0
# Attempts of a connection whose first ones failed, and how long one may take.
ATTEMPTS = 3
ATTEMPT = 10.0


class Judge:
    def __init__(self, say=print):
        self.say = say
        self.known = Knowledge()
        self.pods = {}
        # What went wrong: kind and text.
        self.problems = []
        self.counts = {"complete": 0, "refused by policy": 0, "cut by policy": 0}
        self.excuses = {}
        # Call -> what its servers said.
        self.served = {}
        self.completed = {}
        # Seconds from a change of policy to the end of a call that it denied.
        self.cuts = []

    def complain(self, kind, text):
        self.problems.append((kind, text))
        self.say(f"FAILED  {text}")

    # What servers say

    def heard_by_server(self, pod, report):
        call = report["served"]
        if report["outcome"] == "wrong":
            self.complain("bytes", f"{pod.name} took call {call}: {report['detail']}")
        if call is not None:
            self.served.setdefault(call, []).append((pod.name, report["outcome"]))

    # What clients say

    def heard_by_client(self, pod, ask, result):
        """Judges the result of one call."""
        name = f"call {ask['call']} of {pod.name} on {pod.node} to {ask['what']}"
        server = self.pods.get(result.get("server"))
        if server:
            self._judge_server(name, pod, ask, result, server)
        outcome = result["outcome"]
        if outcome == "complete":
            self.counts["complete"] += 1
            self.completed[ask["call"]] = (name, server.name if server else None)
            return
        if outcome in ("wrong", "timeout"):
            kind = "bytes" if outcome == "wrong" else "time"
            return self.complain(kind, f"{name} on {server.node if server else '?'}: {outcome}: {result.get('detail')}")
        excuse = self._cut(pod, ask, server, result) if server else self._refused(pod, ask, result)
        if not excuse:
            self.complain("reset", f"{name} is {outcome} for no reason: {result}; {self._circumstances(pod, ask, result)}")
        elif excuse in self.counts:
            self.counts[excuse] += 1
        else:
            self.excuses[excuse] = self.excuses.get(excuse, 0) + 1

    def reconcile(self):
        """At the end: what clients took for complete was so for one server, and no call was delivered twice."""
        for call, taken in self.served.items():
            if len(taken) > 1:
                self.complain("twice", f"call {call} was taken more than once: {taken}")
        for call, (name, server) in self.completed.items():
            if (server, "complete") not in self.served.get(call, []):
                self.complain("bytes", f"{name} is complete for its client, and for its server: {self.served.get(call)}")

    def _judge_server(self, name, pod, ask, result, server):
        answered, last = result["answered"], result.get("last")
        fits = server.role == ask["role"] if ask["service"] else server.address == ask["to"][0]
        if not fits or server.started > answered or (server.ended or math.inf) < result["started"]:
            self.complain("misdelivered", f"{name} at {ask['to'][0]} reached {server.name}, a {server.role} at {server.address}")
        elif ask["service"] and not self._may_be_chosen(pod, server, result["started"], answered):
            self.complain("endpoint", f"{name} was given {server.name} on {server.node}, which was going or not ready")
        self._judge_time(name, pod, ask, result, server)
        # A pod's calls to its own address never leave it.
        if server is pod and not ask["service"]:
            return
        if self._verdicts(pod, server, result["started"], answered) == {False}:
            self.complain("policy", f"{name} on {server.node} was let through against the policy")
        elif last and self._verdicts(pod, server, last, last) == {False} and not self._is_late(pod, server, last):
            self.complain("policy", f"{name} on {server.node} went on against the policy")

    def _may_be_chosen(self, pod, server, start, answered):
        """Whether the caller's node may have taken it for an endpoint that is ready and not about to go."""
        if server.ready is None or server.ready > answered:
            return False
        return server.leaving is None or self.known.settled(server.leaving, pod.node) >= start

    def _judge_time(self, name, pod, ask, result, server):
        """What was on its way while there was a fault anywhere that it had to do with may have had to wait."""
        start, answered = result["started"], result["answered"]
        places = {pod.node, server.node, "control"}
        excused = any(
            (ask["service"] or fault.node in places) and fault.begin <= answered and start <= fault.recovered
            for fault in self.known.faults)
        if answered - start > ANSWERED and not excused:
            self.complain("late", f"{name} on {server.node} was answered only after {answered - start:.1f} s")

    def _outages(self, pod, server):
        """When the links between the two were down; nothing crosses one between pods of one node."""
        return self.known.outages({pod.node, server.node}) if pod.node != server.node else []

    def _is_late(self, pod, server, moment):
        """Whether what has come by then may have been sent long before, as a link between the two was down."""
        return any(outage.begin <= moment <= outage.recovered for outage in self._outages(pod, server))

    def _verdicts(self, pod, server, start, end):
        return self.known.verdicts(pod.role, server.role, server.node, start, end)

    # What a call that had reached its server may have been cut by

    def _cut(self, pod, ask, server, result):
        end = result["ended"]
        if server is not pod or ask["service"]:
            if False in self._verdicts(pod, server, end, end):
                self._note_cut(pod, ask, server, end)
                return "cut by policy"
            # What was denied meanwhile is heard of late, and may be allowed again by then.
            if self._is_late(pod, server, end) and False in self._verdicts(pod, server, result.get("last", end), end):
                return "cut by policy"
        if server.stopping is not None:
            if server.stopping <= end <= self._heard(server.stopping, server.ended or math.inf, pod, server) + PROMPT:
                return "its server was stopped"
        for fault in self.known.faults:
            if fault.kind in ("killed", "ended") and fault.node in (pod.node, server.node):
                if fault.begin <= end <= self._heard(fault.begin, fault.down, pod, server) + PROMPT:
                    return f"a proxy on its way was {fault.kind}"
        # A link that comes back is found by TCP before the peer is given up, unless it goes again and again.
        heard = result.get("last", result["answered"])
        if any(max(heard, outage.begin) + GIVEN_UP <= end <= outage.recovered for outage in self._outages(pod, server)):
            return "the link was down again and again"
        return None

    def _note_cut(self, pod, ask, server, end):
        changes = [moment for moment, _ in self.known.policies.get(ask["role"], []) if -math.inf < moment <= end]
        # Where the node could hear of it at once.
        if not changes or self.known.settled(changes[-1], server.node) > changes[-1] + SETTLED:
            return
        took = end - changes[-1]
        self.cuts.append(took)
        if took > SETTLED and not self._is_late(pod, server, end):
            self.complain("late", f"call {ask['call']} of {pod.name} was cut only {took:.1f} s after a change of policy")

    def _heard(self, begin, end, pod, server):
        """When the far side has learnt of a death between these moments: at once, unless a link between them was down."""
        nodes = {pod.node, server.node}
        for fault in self.known.faults:
            if fault.kind == "link" and len(nodes) > 1 and fault.node in nodes:
                if fault.begin <= end and begin <= fault.recovered:
                    end = max(end, fault.end + ASKED)
        return end

    # What a call that reached nobody may have been refused by

    def _refused(self, pod, ask, result):
        start, end = result["started"], result["ended"]
        if self._touches_caller(pod, start, end):
            return "its own proxy was away"
        candidates = [other for other in self.pods.values() if self._is_candidate(pod, ask, other, start, end)]
        # A pod's calls to its own address never leave it.
        answers = [
            self.known.verdicts(pod.role, ask["role"], other.node, start, end)
            for other in candidates if other is not pod or ask["service"]]
        if answers and all(answer == {False} for answer in answers):
            return "refused by policy"
        if any(False in answer for answer in answers):
            return "policy was changing"
        if self._is_unheard_of(pod, start) and end - start >= WAITED:
            return "its own node was cut off and had not heard of it"
        troubles = [self._trouble(pod, other, start, end) for other in candidates]
        sound = [other for other, trouble in zip(candidates, troubles) if not trouble and self._is_sure(pod, other, start, end)]
        sudden = [trouble for trouble in troubles if trouble and trouble.startswith("it died")]
        if sudden:
            return sudden[0]
        named = [trouble for trouble in troubles if trouble]
        if named and (not ask["service"] or not sound or len(named) >= ATTEMPTS):
            return named[0]
        if not sound and not candidates:
            return "nobody serves"
        return None

    def _circumstances(self, pod, ask, result):
        """What was known of those who may have been called, and what had happened before, for who reads of it."""
        start, end = result["started"], result["ended"]
        others = {
            other.name: (other.node, self._trouble(pod, other, start, end), self._is_sure(pod, other, start, end))
            for other in self.pods.values() if self._is_candidate(pod, ask, other, start, end)}
        faults = [
            f"{fault.kind} {fault.node} {fault.begin - start:.2f} {fault.down - start:.2f} {fault.end - start:.2f}"
            for fault in self.known.faults if start - fault.end < RECENT]
        flips = [
            f"{moment - start:.2f} {callers}"
            for moment, callers in self.known.policies.get(ask["role"], []) if start - moment < RECENT]
        return f"candidates {others}, faults {faults}, policies {flips}"

    def _touches_caller(self, pod, start, end):
        return any(
            fault.kind in ("killed", "ended") and fault.node == pod.node and fault.covers(start, end)
            for fault in self.known.faults)

    def _is_unheard_of(self, pod, start):
        """Whether a pod's own node hears of it late. Without that, its connections wait until it has."""
        settled = self.known.settled(pod.started, pod.node)
        return start < settled and settled > pod.started + SETTLED

    def _is_candidate(self, pod, ask, other, start, end):
        """Whether the caller's node may have known of a pod that is what was asked for."""
        if not (other.role == ask["role"] if ask["service"] else other.address == ask["to"][0]):
            return False
        return other.started <= end and (other.leaving is None or self.known.settled(other.leaving, pod.node) >= start)

    def _is_sure(self, pod, other, start, end):
        """Whether it must have known, all the while."""
        if other.ready is None or self.known.settled(other.ready, pod.node) > start:
            return False
        return other.leaving is None or other.leaving > end

    def _trouble(self, pod, other, start, end):
        """What stood between the caller and one pod; nil if nothing did."""
        if other.stopping is not None and other.stopping <= end:
            return "it died as it was called" if other.stopping >= start else "it was gone"
        if self._is_unheard_of(other, start):
            return "its node was cut off and had not heard of it"
        for fault in self.known.faults:
            if fault.kind in ("killed", "ended") and fault.node == other.node and fault.covers(start, end):
                # One that ends in order takes nothing new.
                died = fault.down if fault.kind == "killed" else fault.begin + PROMPT
                return "it died as it was called: its proxy" if died >= start else "its proxy was away"
        for outage in self._outages(pod, other):
            if outage.begin <= end and start <= outage.recovered and end <= outage.end + ATTEMPT:
                return "the link was down"
        return None
