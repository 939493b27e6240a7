"""When a change of the mesh is known on a node: what Tests/day may count on, and from when."""

import math
from dataclasses import dataclass

# A change is in force on every node that hears the control plane after a second; connections that it denies are closed by
# then, which clients see after the half second that they pause between rounds.
SETTLED = 1.5
# Whoever waits for something that is away looks for it later and later. Nodes pause at most so many times as long as the
# control plane was away until then (each pause is twice the last, give or take a quarter), TCP as long as the link was down;
# and then it takes a moment.
PAUSE = {"control": 5 / 3, "link": 1}
MOMENT = 1.0
# The control plane was killed while a node's link was down: the node asks after so long, and is told.
ASKED = 27.0


@dataclass
class Fault:
    """Something that was taken away for a while: a node's proxy, its link, or the control plane."""

    # "killed" and "ended" (in order) of a node's proxy, "link", "control".
    kind: str
    node: str
    begin: float
    # When the process was gone; of a link, when it was back.
    down: float = math.inf
    # When all was in place again.
    end: float = math.inf

    def covers(self, start, stop):
        """Whether it was there at some time of a span."""
        return self.begin <= stop and start <= self.end

    @property
    def recovered(self):
        """When those who waited have found it again."""
        return self.end + (self.end - self.begin) * PAUSE.get(self.kind, 0) + MOMENT


class Knowledge:
    """Who may call whom as the nodes know it, where some of them have heard of the last changes late."""

    def __init__(self):
        self.faults = []
        # Role -> moments of change, and who may call from then on; None is everybody.
        self.policies = {}

    def begin_fault(self, kind, node, now):
        fault = Fault(kind, node, now)
        self.faults.append(fault)
        return fault

    def outages(self, nodes):
        """When links of these nodes were down: those that went again before TCP had got over the last time are one."""
        merged = []
        for fault in self.faults:
            if fault.kind != "link" or fault.node not in nodes:
                continue
            if merged and fault.begin <= merged[-1].recovered:
                merged[-1].down = merged[-1].end = max(merged[-1].end, fault.end)
            else:
                merged.append(Fault("link", fault.node, fault.begin, fault.down, fault.end))
        return merged

    def set_policy(self, role, now, callers):
        self.policies.setdefault(role, [(-math.inf, None)]).append((now, callers))

    def settled(self, change, node):
        """From when on a change is known on a node."""
        known = change + SETTLED
        controls = [fault for fault in self.faults if fault.kind == "control"]
        for fault in sorted(controls + self.outages([node]), key=lambda fault: fault.begin):
            heard = self._heard(fault, node)
            if fault.begin <= known and change <= heard:
                known = max(known, heard + SETTLED)
        return known

    def _heard(self, fault, node):
        """When a node hears the control plane again."""
        if fault.kind == "control" and any(
                outage.begin <= fault.down and fault.begin <= outage.recovered for outage in self.outages([node])):
            return fault.end + ASKED
        return fault.recovered

    def verdicts(self, caller, role, node, start, end):
        """What the proxy of a node may say of a caller at any time of a span: a set of answers."""
        changes = self.policies.get(role, [(-math.inf, None)])
        answers = set()
        for number, (begin, callers) in enumerate(changes):
            following = changes[number + 1][0] if number + 1 < len(changes) else math.inf
            until = self.settled(following, node) if following < math.inf else math.inf
            if begin <= end and until > start:
                answers.add(callers is None or caller in callers)
        return answers
