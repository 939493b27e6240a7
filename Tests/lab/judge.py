"""What the calls of Tests/day must have come to, given what happened meanwhile."""

import math
import time

# A change is taken to be known everywhere after this long; the machine may be busy.
SETTLED = 3.0
# What a fault may still do after its end: TCP tries again later and later.
AFTERMATH = 15.0


class Judge:
    def __init__(self):
        self.problems = []
        self.counts = {"complete": 0, "excused": 0, "refused by policy": 0}
        # Node, beginning, end; whether its proxy was killed.
        self.faults = []
        # Role -> moments and callers from then on; None is everybody.
        self.policies = {}
        self.pods = {}

    def complain(self, text):
        self.problems.append(text)
        print(f"FAILED  {text}", flush=True)

    def set_policy(self, role, now, callers):
        self.policies.setdefault(role, [(-math.inf, None)]).append((now, callers))

    def _verdicts(self, caller, role, start, end):
        """What policy says of the two at any time of a span."""
        changes = self.policies.get(role, [(-math.inf, None)])
        spans = zip(changes, [moment for moment, _ in changes[1:]] + [math.inf])
        return {callers is None or caller in callers for (begin, callers), stop in spans if begin <= end and stop > start}

    def is_denied(self, caller, role, start, end):
        return self._verdicts(caller, role, start, end) == {False}

    def is_allowed(self, caller, role, start, end):
        return self._verdicts(caller, role, start, end) == {True}

    def begin_fault(self, node, now, kills=False):
        fault = [node, now, math.inf, kills]
        self.faults.append(fault)
        return fault

    def is_faulty(self, nodes, start, end):
        return any(node in nodes and begin <= end and stop + AFTERMATH > start for node, begin, stop, _ in self.faults)

    def _was_cut(self, detail, pods, now):
        """The kernel ends the sockets of a process that is killed in order; a reset would tell more."""
        nodes = {pod.node for pod in pods if pod}
        return "a clean end" in detail and any(
            kills and node in nodes and begin <= now and now < stop + AFTERMATH
            for node, begin, stop, kills in self.faults)

    def heard_by_server(self, pod, caller, report):
        if not self._was_cut(report["wrong"], [pod, caller], time.time()):
            self.complain(f"{pod.name} took call {report['served']}: {report['wrong']}")

    def heard_by_client(self, pod, ask, result):
        """Judges the result of one call."""
        name = f"call {ask['call']} of {pod.name} to {ask['what']}"
        server = self.pods.get(result.get("server"))
        start, end = result["started"], result["ended"]
        if server:
            self._judge_server(name, pod, ask, result, server)
        elif result["outcome"] == "complete":
            self.complain(f"{name} was answered by nobody")
        if result["outcome"] == "wrong" and not self._was_cut(result["detail"], [pod, server], end):
            self.complain(f"{name}: {result['detail']}")
        elif result["outcome"] == "complete":
            self.counts["complete"] += 1
        elif self._excuse(pod, ask, server, start, end):
            self.counts["excused"] += 1
        elif self.is_denied(pod.role, ask["role"], start - SETTLED, end) and result["outcome"] == "refused":
            self.counts["refused by policy"] += 1
        elif self.is_allowed(pod.role, ask["role"], start - SETTLED, end):
            self.complain(f"{name} is {result['outcome']} for no reason: {result}")
        else:
            self.counts["excused"] += 1

    def _judge_server(self, name, pod, ask, result, server):
        answered, last = result["answered"], result.get("last", 0)
        if server.name not in ask["allowed"] and not self._came_to_be(server, ask, answered):
            self.complain(f"{name} reached {server.name} at {server.address}, and should have reached {ask['allowed']}")
        # A pod's calls to its own address never leave it. A node that was cut off has heard of changes late.
        if server is pod and not ask["service"]:
            return
        if self.is_faulty({server.node}, result["started"] - SETTLED, result["ended"]):
            return
        if self.is_denied(pod.role, server.role, result["started"] - SETTLED, answered):
            self.complain(f"{name} was let through against the policy")
        # Of what was open before, policy takes hold within a second.
        if last and self.is_denied(pod.role, server.role, last - SETTLED, last):
            self.complain(f"{name} went on against the policy")

    @staticmethod
    def _came_to_be(server, ask, answered):
        """A pod that has come since the call began, and is what was asked for."""
        fits = server.role == ask["role"] if ask["service"] else server.address == ask["to"][0]
        return fits and server.started <= answered

    def _excuse(self, pod, ask, server, start, end):
        """Whether something stood in the way of the call."""
        ending = [other for other in [pod, server] if other is not None]
        if not ask["service"]:
            ending += [other for other in self.pods.values() if other.address == ask["to"][0]]
        if any(other.ended is not None and start - SETTLED < other.ended <= end + 1 for other in ending):
            return True
        if pod.leaving is not None and pod.leaving < end:
            return True
        nodes = {pod.node} | ({server.node} if server else set())
        if not server:
            nodes |= {other.node for other in self.pods.values() if self._may_serve(other, ask, start, end)}
        return self.is_faulty(nodes, start, end)

    @staticmethod
    def _may_serve(other, ask, start, end):
        if not ask["service"]:
            return other.address == ask["to"][0]
        return other.role == ask["role"] and other.started <= end and (other.ended is None or other.ended > start)
