"""Delta discovery: nonces, versions, removals, on-demand and aliases, for any number of streams."""

import hashlib
import queue
import threading

import grpc
from messages import URLS, as_json, encode, kind, tell

PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
NAMES = {url: name for name, url in URLS.items()}
# Versions that a request names, above which only their number is told.
TOLD_MAX = 1000


class Held:
    """One resource: its bytes, their version, the other names that it answers to, and the only node that is told of it,
    where nodes are of several clusters."""

    def __init__(self, content, version, aliases, node, only):
        self.content, self.aliases, self.node, self.only = content, aliases, node, only
        self.version = version or hashlib.sha256(content).hexdigest()[:16]


class Stream:
    """What one node has subscribed to and was sent."""

    def __init__(self, number):
        self.number = number
        self.outgoing = queue.Queue()
        self.wildcard = {}
        self.names = {name: set() for name in URLS}
        self.node = ""


class Discovery:
    def __init__(self):
        self.lock = threading.RLock()
        self.held = {name: {} for name in URLS}
        self.streams = {}
        self.count = self.nonce = 0
        self.refusal = None
        # Answers to names asked for: by the name that was asked, by the resource's own, or none at all.
        self.naming = "requested"
        self.is_mute = False

    # What tests tell

    def put(self, type, resources, push=True):
        changed = []
        with self.lock:
            for each in resources:
                content = bytes.fromhex(each["hex"]) if "hex" in each else encode(type, each["value"])
                content += bytes.fromhex(each.get("extra", "")) + bytes(each.get("zeros", 0))
                node = each.get("value", {}).get("workload", {}).get("node", "")
                self.held[type][each["name"]] = Held(
                    content, each.get("version"), each.get("aliases", []), node, each.get("only"))
                changed.append(each["name"])
            if push:
                for stream in self.streams.values():
                    self._push(stream, type, changed, [])

    def remove(self, type, names):
        with self.lock:
            for stream in self.streams.values():
                self._push(stream, type, [], names)
            for name in names:
                self.held[type].pop(name, None)

    def many(self, workloads, services, policies, node="n1"):
        """So many of each, in one push for each type."""
        own = lambda number: f"shop/s{number}.shop.svc.cluster.local"
        self.put("address", [{"name": own(n), "value": {"service": {
            "name": f"s{n}", "namespace": "shop", "hostname": own(n)[5:],
            "addresses": [{"address": f"10.{96 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"}],
            "ports": [{"servicePort": 80, "targetPort": 8080}]}}} for n in range(services)]
            + [{"name": f"c//Pod/shop/w{n}", "value": {"workload": {
                "uid": f"c//Pod/shop/w{n}", "name": f"w{n}", "namespace": "shop", "serviceAccount": f"a{n % 1000}",
                "addresses": [f"10.{128 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"], "tunnelProtocol": "HBONE",
                "node": node if n < 10 else f"other-{n % 500}", "canonicalName": f"s{n % max(1, services)}",
                "services": {own(n % max(1, services)): {"ports": [{"servicePort": 80, "targetPort": 8080}]}}}}}
               for n in range(workloads)])
        self.put("policy", [{"name": f"shop/p{n}", "value": {
            "name": f"p{n}", "namespace": "shop", "scope": "WORKLOAD_SELECTOR", "rules": [{"clauses": [{"matches": [
                {"principals": [{"exact": f"cluster.local/ns/shop/sa/a{n}"}]}]}]}]}} for n in range(policies)])

    def burst(self, count):
        """One workload in so many versions, each in a response of its own."""
        for number in range(count):
            self.put("address", [{"name": "c//Pod/shop/burst", "value": {"workload": {
                "uid": "c//Pod/shop/burst", "name": "burst", "namespace": "shop", "serviceAccount": "burst",
                "addresses": [f"10.200.{number >> 8}.{number & 255}"], "node": "n1"}}}])

    def send(self, hex):
        """Bytes as they are, to every stream, as one message."""
        with self.lock:
            for stream in self.streams.values():
                stream.outgoing.put(bytes.fromhex(hex))

    def end(self, code="OK", message=""):
        with self.lock:
            for stream in self.streams.values():
                stream.outgoing.put((grpc.StatusCode[code], message))

    # The protocol

    def serve(self, requests, context):
        if self.refusal:
            tell("stream refused")
            context.abort(*self.refusal)
        with self.lock:
            self.count += 1
            stream = Stream(self.count)
            self.streams[stream.number] = stream
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        tell("stream", number=stream.number, metadata=metadata)
        threading.Thread(target=self._listen, args=(stream, requests), daemon=True).start()
        context.add_callback(lambda: stream.outgoing.put(None))
        try:
            while (message := stream.outgoing.get()) is not None:
                if isinstance(message, tuple):
                    if message[0] != grpc.StatusCode.OK:
                        context.abort(*message)
                    return
                yield message
        finally:
            with self.lock:
                self.streams.pop(stream.number, None)
            tell("stream ended", number=stream.number)

    def _listen(self, stream, requests):
        try:
            for request in requests:
                request = kind("DeltaDiscoveryRequest").FromString(request)
                with self.lock:
                    self._take(stream, request)
        except Exception as failure:
            # The iterator ends so when the call does.
            if not isinstance(failure, grpc.RpcError) and str(failure):
                tell("broken request", error=repr(failure))
        stream.outgoing.put(None)

    def _take(self, stream, request):
        type = NAMES.get(request.type_url, request.type_url)
        if request.response_nonce:
            error = request.error_detail.message if request.HasField("error_detail") else None
            tell("ack" if error is None else "nack", type=type, nonce=request.response_nonce, error=error)
        else:
            held = len(request.initial_resource_versions)
            told = as_json(request)
            if held > TOLD_MAX:
                del told["initial_resource_versions"]
            tell("request", number=stream.number, type=type, held=held, **told)
        if type not in URLS:
            return
        if request.HasField("node"):
            stream.node = as_json(request.node)["metadata"].get("NODE_NAME", "")
        if type not in stream.wildcard:
            self._subscribe(stream, type, request)
        elif request.resource_names_subscribe:
            self._answer(stream, type, list(request.resource_names_subscribe))

    def _subscribe(self, stream, type, request):
        stream.wildcard[type] = "*" not in request.resource_names_unsubscribe
        versions = dict(request.initial_resource_versions)
        if stream.wildcard[type]:
            wanted = {name: each for name, each in self.held[type].items() if each.only in (None, stream.node)}
            removed = [name for name in versions if name not in wanted]
        else:
            stream.names[type] |= versions.keys()
            wanted = {name: each for name, each in self.held[type].items() if self._concerns(stream, type, name)}
            removed = [name for name in versions if self._find(type, name) is None]
        fresh = [name for name in wanted if versions.get(name) != wanted[name].version]
        if not self.is_mute:
            self._send(stream, type, [self._resource(type, name) for name in fresh], removed)

    def _answer(self, stream, type, names):
        stream.names[type] |= set(names)
        if self.naming == "none" or self.is_mute:
            return
        resources, removed = [], []
        for name in names:
            if (own := self._find(type, name)) is None:
                removed.append(name)
                continue
            stream.names[type].add(own)
            resources.append(self._resource(type, own, name if self.naming == "requested" else own))
            # As istiod: the pods of a service come with it.
            for each, held in self.held[type].items():
                if own in held.aliases and each != own:
                    stream.names[type].add(each)
                    resources.append(self._resource(type, each))
        self._send(stream, type, resources, removed)

    def _find(self, type, name):
        if name in self.held[type]:
            return name
        return next((own for own, held in self.held[type].items() if name in held.aliases and "//" not in name), None)

    def _concerns(self, stream, type, name):
        held = self.held[type].get(name)
        if held is None:
            return name in stream.names[type]
        names = stream.names[type]
        return bool(held.node) and held.node == stream.node or name in names or any(a in names for a in held.aliases)

    def _push(self, stream, type, changed, removed):
        if type not in stream.wildcard or self.is_mute:
            return
        told = lambda name: name not in self.held[type] or self.held[type][name].only in (None, stream.node)
        changed, removed = list(filter(told, changed)), list(filter(told, removed))
        if not stream.wildcard[type]:
            changed = [name for name in changed if self._concerns(stream, type, name)]
            removed = [name for name in removed if self._concerns(stream, type, name)]
            if not changed and not removed:
                return
        self._send(stream, type, [self._resource(type, name) for name in changed], removed)

    def _resource(self, type, own, name=None):
        held = self.held[type][own]
        resource = kind("Resource")(name=name or own, version=held.version, aliases=held.aliases)
        resource.resource.type_url = URLS[type]
        resource.resource.value = held.content
        return resource

    def _send(self, stream, type, resources, removed):
        self.nonce += 1
        response = kind("DeltaDiscoveryResponse")(
            type_url=URLS[type], nonce=f"n{self.nonce}", resources=resources, removed_resources=removed)
        content = response.SerializeToString()
        tell("response", number=stream.number, type=type, nonce=response.nonce, resources=len(resources),
             removed=removed[:20], bytes=len(content))
        stream.outgoing.put(content)
