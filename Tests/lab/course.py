"""The course of a day in Tests/day: pods come and go, policies flip, nodes and the control plane are killed, links drop, and
all the while pods call each other."""

import asyncio
import random
import signal
import time

import mesh
import remains
from judge import Judge

ADDRESSES_PER_NODE = 4
DYNAMIC_PODS_MAX = 7
# Bytes up, bytes down, rounds, and the pause after each.
KINDS = [(64, 64, 1, 0), (64, 64, 1, 0), (2000, 50_000, 2, 0), (500_000, 500_000, 1, 0), (300, 300, 40, 0.5)]
CALL_LIMIT = 60
# Until a pod is enrolled or a node ready, which may have to find a control plane that is just back.
PATIENCE = 30
# Seconds between rests, without happenings before one, until what nobody needs has been given back, and of looking.
PART = 240
CALM = 15
SCRAPE = 15
REST = 12
REST_LOOKS = 4


class Course:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.marker = f"day-of-{seed % 10**9:09d}"
        self.judge = Judge(lambda text: print(text, flush=True))
        self.pods, self.asks, self.addresses = [], {}, {}
        self.count = self.calls = 0
        self.happenings = {}
        # Seconds until pods were enrolled and restarted programs ready.
        self.waits = {"enrolment": [], "restart": []}
        self.busy = set()

    # Pods

    def alive(self, role=None):
        return [pod for pod in self.pods if pod.ready and not pod.leaving and role in (None, pod.role)]

    def heard(self, pod, report):
        if "served" in report:
            self.judge.heard_by_server(pod, report)
        elif ask := self.asks.pop(report["call"], None):
            self.judge.heard_by_client(pod, ask, report)

    def know(self, pod):
        pod.started = time.time()
        self.pods.append(pod)
        self.judge.pods[pod.name] = pod
        self.addresses.setdefault(pod.address, []).append(pod.name)

    async def arrive(self):
        taken = {pod.address for pod in self.pods}
        node = self.chance.choice(mesh.NODES)
        free = [f"10.10.{mesh.NODES.index(node) + 1}.{n + 100}" for n in range(ADDRESSES_PER_NODE)]
        free = [address for address in free if address not in taken]
        if not free:
            return
        self.count += 1
        pod = mesh.Pod(f"p{self.count}", self.chance.choice(mesh.ROLES), node, self.chance.choice(free))
        self.know(pod)
        await asyncio.to_thread(pod.make_network, self.count)
        mesh.write(pod.name, pod.manifest(False))
        limit = time.time() + PATIENCE
        while not await asyncio.to_thread(pod.is_captured):
            if time.time() > limit:
                return self.judge.complain("time", f"{pod.name} on {node} is not enrolled within {PATIENCE} s")
            await asyncio.sleep(0.1)
        self.waits["enrolment"].append(time.time() - pod.started)
        await pod.start_application(self.marker, self.heard)
        # Whoever is asked from here on may be answered by it.
        pod.ready = time.time()
        mesh.write(pod.name, pod.manifest(True))

    async def leave(self, pod):
        pod.leaving = time.time()
        mesh.write(pod.name, pod.manifest(False))
        await asyncio.sleep(self.chance.choice([1.5, 4]))
        await pod.stop_application()
        self.asks = {number: ask for number, ask in self.asks.items() if ask["caller"] is not pod}
        (mesh.FOLDER / "manifests" / f"{pod.name}.yaml").unlink()
        await asyncio.sleep(self.chance.choice([0.2, 1, 3]))
        await asyncio.to_thread(pod.remove_network)
        self.pods.remove(pod)

    # What happens

    async def restart(self, name):
        program = self.programs[name]
        number = self.chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        kind = "control" if name == "control" else "killed" if number == signal.SIGKILL else "ended"
        fault = self.judge.known.begin_fault(kind, name.removeprefix("node-"), time.time())
        await program.kill(number)
        fault.down = time.time()
        await asyncio.sleep(self.chance.choice([0, 1, 4]))
        program.start()
        began = time.time()
        if program.is_node:
            limit = time.time() + PATIENCE
            while not await asyncio.to_thread(program.is_ready):
                if time.time() > limit:
                    self.judge.complain("time", f"{name} is not ready within {PATIENCE} s of its restart")
                    break
                await asyncio.sleep(0.2)
        fault.end = time.time()
        self.waits["restart"].append(fault.end - began)
        self.samples[name], self.rests[name], self.labelled[name] = [], [], 0
        if not program.is_node:
            await asyncio.sleep(fault.recovered - time.time())

    async def drop_link(self, node):
        fault = self.judge.known.begin_fault("link", node, time.time())
        await asyncio.to_thread(mesh.link, node, False)
        await asyncio.sleep(self.chance.choice([0.3, 2, 6]))
        await asyncio.to_thread(mesh.link, node, True)
        fault.down = fault.end = time.time()

    async def flip(self):
        role = self.chance.choice(mesh.ROLES)
        callers = self.chance.choice([None, None, [], mesh.ROLES, [self.chance.choice(mesh.ROLES)]])
        self.judge.known.set_policy(role, time.time(), callers)
        mesh.policy(role, callers)

    async def exclusively(self, place, work):
        """One fault of a place at a time."""
        if place in self.busy:
            work.close()
            return
        self.busy.add(place)
        try:
            await work
        finally:
            self.busy.discard(place)

    def happen(self):
        kind = self.chance.choices(
            ["arrive", "leave", "flip", "restart", "control", "link"], weights=[30, 20, 25, 5, 3, 7])[0]
        dynamic = [pod for pod in self.alive() if pod.name.startswith("p")]
        if kind == "arrive" and len(self.pods) < DYNAMIC_PODS_MAX + len(mesh.NODES):
            work = self.arrive()
        elif kind == "leave" and len(dynamic) > 2:
            work = self.leave(self.chance.choice(dynamic))
        elif kind == "flip":
            work = self.flip()
        elif kind == "restart":
            node = self.chance.choice(["east", "south"])
            work = self.exclusively(node, self.restart(f"node-{node}"))
        elif kind == "control":
            work = self.exclusively("control", self.restart("control"))
        elif kind == "link":
            node = self.chance.choice(mesh.NODES)
            work = self.exclusively(node, self.drop_link(node))
        else:
            return None
        self.happenings[kind] = self.happenings.get(kind, 0) + 1
        return asyncio.create_task(work)

    async def watch(self, work):
        """Lets it go on until a program dies that nobody has told to: then whoever looks at that program fails."""
        try:
            await work
        except Exception:
            if not self.find_dead():
                raise
        else:
            self.find_dead()

    def find_dead(self):
        """Complains of programs that have died by themselves, and says whether there are any."""
        found = False
        for name, program in self.programs.items():
            if name.removeprefix("node-") not in self.busy and not program.is_running():
                found = True
                self.judge.complain("died", f"{name} has died; its log ends with:\n{program.last_words()}")
        return found

    # Calls

    def is_known(self, pod, on):
        """A node that has not heard of a pod takes its address for one outside the mesh, and so would the judge."""
        return self.judge.known.settled(pod.ready, on) < time.time()

    def begin_call(self):
        callers = self.alive()
        if not callers:
            return
        pod = self.chance.choice(callers)
        self.calls += 1
        up, down, rounds, pause = self.chance.choice(KINDS)
        target, role = self.chance.choice(callers), self.chance.choice(mesh.ROLES)
        ask = {"call": self.calls, "up": up, "down": down, "rounds": rounds, "pause": pause, "caller": pod}
        if self.chance.random() < 0.6 or not self.is_known(target, pod.node):
            ask.update(to=[mesh.virtual_address(role), mesh.PORT], role=role, service=True, what=role)
        else:
            ask.update(to=[target.address, mesh.PORT], role=target.role, service=False, what=target.name)
        self.asks[self.calls] = ask
        pod.call(limit=CALL_LIMIT, **{key: ask[key] for key in ("call", "to", "up", "down", "rounds", "pause")})

    def sample(self, now):
        for name, program in self.programs.items():
            if name.removeprefix("node-") not in self.busy:
                self.samples[name].append((now, remains.unexplained(program.anonymous(), self.labelled[name])))

    async def scrape(self):
        """Asks for metrics, as what collects them does: nodes forget what they have told of pods that are gone."""
        for name, program in self.programs.items():
            if program.is_node:
                values = await asyncio.to_thread(program.metrics, "istio_tcp_connections_opened_total")
                self.labelled[name] = len(values)

    async def pass_time(self, seconds):
        """Parts of a day, and a rest after each; the last one comes when all has ended."""
        count = max(2, round(seconds / PART))
        for number in range(count):
            await self.pass_part(seconds / count)
            if number + 1 < count:
                await self.await_calls()
                await self.rest()

    async def pass_part(self, seconds):
        """Half a minute of happenings, then some calm, and again; calls all the while."""
        began = time.time()
        end = began + seconds
        tasks, next_happening, next_sample, next_scrape = [], began + 3, began, began
        while (now := time.time()) < end:
            if now >= next_happening and (now - began) % 45 < 30 and now < end - CALM:
                task = self.happen()
                tasks += [task] if task else []
                next_happening = now + self.chance.uniform(0.3, 2)
            if now >= next_sample:
                next_sample = now + 5
                self.sample(now)
            if now >= next_scrape:
                next_scrape = now + SCRAPE
                tasks.append(asyncio.create_task(self.scrape()))
            self.begin_call()
            for task in [task for task in tasks if task.done()]:
                tasks.remove(task)
                task.result()
            await asyncio.sleep(self.chance.uniform(0.01, 0.15))
        await asyncio.gather(*tasks)

    async def await_calls(self):
        limit = time.time() + CALL_LIMIT + 5
        while self.asks and time.time() < limit:
            await asyncio.sleep(0.5)
        if self.asks:
            self.judge.complain("time", f"{len(self.asks)} calls have no end")

    async def rest(self):
        """Nothing happens for long enough that tunnels end and free memory is given back: what is held then is kept."""
        await asyncio.sleep(REST)
        least = {}
        for _ in range(REST_LOOKS):
            for name, program in self.programs.items():
                size = program.anonymous()
                least[name] = min(size, least.get(name, size))
            await asyncio.sleep(1)
        await self.scrape()
        for name, size in least.items():
            self.rests[name].append(remains.unexplained(size, self.labelled[name]))

    async def end_calls(self):
        await self.await_calls()
        await asyncio.gather(*(self.leave(pod) for pod in list(self.pods) if pod.name.startswith("p")))
        for pod in self.pods:
            await pod.stop_application()

    # Its beginning

    async def start(self):
        static = [
            mesh.Pod(f"s-{node}", role, node, f"10.10.{number + 1}.10")
            for number, (node, role) in enumerate(zip(mesh.NODES, mesh.ROLES))
        ]
        self.street = [
            mesh.Pod(f"passer-by-{node}", "passer-by", node, f"10.10.{mesh.NODES.index(node) + 1}.90", "street")
            for node in ("north", "south")
        ]
        mesh.up(static + self.street)
        names = [name for kind in ("node", "agent") for name in (f"{kind}-{node}" for node in mesh.NODES)]
        self.programs = {name: mesh.Program(name) for name in ["control", *names]}
        # What programs hold amid the day, and at rests of it, in KiB without what sets of labels take.
        self.samples = {name: [] for name in self.programs}
        self.rests = {name: [] for name in self.programs}
        self.labelled = {name: 0 for name in self.programs}
        await asyncio.sleep(2)
        for pod in static:
            self.know(pod)
            options = [str(self.corrupted)] if self.corrupted else []
            await pod.start_application(self.marker, self.heard, *options)
            pod.ready = time.time()

    # Byte count of calls that the first pods answer wrongly, to see that it is noticed.
    corrupted = None
