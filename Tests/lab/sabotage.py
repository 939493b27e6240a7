"""A minute in which Tests/day is sabotaged in every way that it is there to find: what it does not find is a fault of its."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import mesh

# Seconds from the beginning until the sabotage is done.
QUIET = 15
# What must be found, by the judge's words for it.
EXPECTED = [
    "plaintext", "bytes", "misdelivered", "endpoint", "policy", "late", "reset", "descriptors", "connections", "conntrack",
    "namespaces", "certificates", "memory",
]
# Seconds for which a node gets no processor.
HELD_UP = 4
CORRUPTED = 2000
PORT = 9001


def sabotaged(day):
    """A day of the given kind, its length and its seed."""

    class Sabotage(day):
        corrupted = CORRUPTED

        async def start(self):
            """Its nodes leak."""
            library = mesh.REPOSITORY / ".build/day-leak.so"
            mesh.run("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, Path(__file__).with_name("leak.c"))
            mesh.SETTINGS.append(f"LD_PRELOAD={library}")
            await super().start()

        async def pass_time(self, seconds):
            self.holders = []
            await asyncio.gather(super().pass_time(seconds), self.spoil())

        def happen(self):
            """Pods come, and nothing else excuses anything."""
            if self.count < 6:
                return asyncio.create_task(self.arrive())
            return None

        async def spoil(self):
            await asyncio.sleep(QUIET)
            east, north, south = self.pods[:3]
            self.let_out(east)
            self.take_for_another(next(pod for pod in self.pods if pod.name == "p1"))
            self.deny_in_words_only()
            at_home = {pod.node: pod.role for pod in self.pods[:3]}
            self.kept = next(pod for pod in self.pods[3:] if pod.name != "p1" and pod.role != at_home[pod.node])
            self.go_in_words_only(next(pod for pod in self.pods[3:] if pod.name != "p1" and pod is not self.kept))
            await self.hold_connections(north, south)
            await self.hold_up(self.programs["node-south"])

        def let_out(self, pod):
            """Nothing captures its traffic any more."""
            mesh.run(*mesh.inside(pod.network), "iptables", "-t", "nat", "-F")

        def take_for_another(self, pod):
            """The mesh thinks that it is of another role."""
            role = pod.role
            pod.role = next(other for other in mesh.ROLES if other != role)
            manifest = pod.manifest(True)
            manifest["spec"]["serviceAccountName"] = role
            mesh.write(pod.name, manifest)
            pod.role = role

        def deny_in_words_only(self):
            """A policy that nobody but the judge knows."""
            self.judge.known.set_policy("web", time.time(), [])

        def go_in_words_only(self, pod):
            """Nobody but the judge knows that it is about to go."""
            pod.leaving = time.time()

        async def hold_up(self, program):
            """Nothing moves at a node for a while, and nothing is lost."""
            os.kill(program.pid, signal.SIGSTOP)
            await asyncio.sleep(HELD_UP)
            os.kill(program.pid, signal.SIGCONT)

        async def hold_connections(self, caller, called):
            """Somebody calls and goes on for ever."""
            begin = "import socket, time; "
            self.hold(called, begin + f"s = socket.create_server(('', {PORT})); held = [s.accept() for _ in range(12)]; ")
            await asyncio.sleep(1)
            self.hold(caller, begin + f"held = [socket.create_connection(('{called.address}', {PORT})) for _ in range(12)]; ")

        def hold(self, pod, program):
            words = [*mesh.inside(pod.network), "python3", "-c", program + "time.sleep(600)"]
            self.holders.append(subprocess.Popen(words))

        async def leave(self, pod):
            """One goes without a word to the mesh, which keeps what it has of it."""
            if pod is not self.kept:
                return await super().leave(pod)
            await pod.stop_application()
            pod.remove_network()
            self.pods.remove(pod)

        async def finish(self):
            await super().finish()
            for holder in self.holders:
                holder.kill()

        def judge_sabotage(self):
            found = {kind for kind, _ in self.judge.problems}
            missed = [kind for kind in EXPECTED if kind not in found]
            if missed:
                sys.exit(f"was not found: {missed}")
            print(f"all was found: {EXPECTED}")

    seed = int(os.environ.get("SEED", 1))
    return 1.5, seed, Sabotage(1.5, seed)
