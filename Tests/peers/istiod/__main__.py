"""A small istiod by grpcio and Google's protobuf: discovery, certificates and enrolment, right and wrong on command.

    python Tests/peers/istiod FOLDER ADDRESS PORT

Commands are lines of JSON in the pipe FOLDER/commands, `{"do": NAME, ...}`, each answered by the event `done`; events are
lines of JSON on standard output. FOLDER/root.pem holds the root of the server's certificate.
"""

import ipaddress
import json
import os
import sys
from concurrent import futures

import agent
import authority
import discovery
import gate
import grpc
from cryptography.hazmat.primitives.asymmetric import ec
from messages import tell

OPTIONS = [
    ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0),
    # Nodes ask whether we are alive.
    ("grpc.http2.min_ping_interval_without_data_ms", 1000), ("grpc.http2.max_ping_strikes", 0),
]


class Istiod(grpc.GenericRpcHandler):
    def __init__(self, folder, address, port):
        self.folder, self.address = folder, address
        self.discovery, self.authority = discovery.Discovery(), authority.Authority()
        self.gate = gate.Gate(address, port)
        self.agents, self.servers = {}, {}
        self.serve()

    def service(self, details):
        if details.method == discovery.PATH:
            return grpc.stream_stream_rpc_method_handler(self.discovery.serve)
        if details.method == authority.PATH:
            return grpc.unary_unary_rpc_method_handler(self.authority.serve)
        return None

    # Commands

    def serve(self, name="istiod.istio-system.svc", root="a", trusted=None):
        """Connections meet a server whose certificate says `name`, issued under `root`."""
        if (name, root) not in self.servers:
            key = ec.generate_private_key(ec.SECP256R1())
            names = [authority.DNS(name)]
            if name == "istiod.istio-system.svc":
                names += [authority.DNS("localhost"), authority.IP(ipaddress.ip_address(self.address))]
            issuer = self.authority.issuer(root)
            leaf = issuer.leaf(key.public_key(), names, 86400)
            chain = "".join(map(authority.pem, [leaf, *issuer.chain()])).encode()
            server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), handlers=[self], options=OPTIONS)
            pair = grpc.ssl_server_credentials([(authority.key_pem(key), chain)])
            self.servers[name, root] = (server, server.add_secure_port("127.0.0.1:0", pair))
            server.start()
        self.gate.set(mode=self.gate.mode, backend=self.servers[name, root][1])
        for each in [trusted] if trusted else [] if os.path.exists(f"{self.folder}/root.pem") else [root]:
            self.trust(each)

    def trust(self, root):
        """What nodes read to know us by."""
        with open(f"{self.folder}/root.pem.new", "w") as file:
            file.write(authority.pem(self.authority.issuer(root).certificate))
        os.rename(f"{self.folder}/root.pem.new", f"{self.folder}/root.pem")

    def admit(self, code=None, message=""):
        """New streams are refused so; without a code they are not."""
        self.discovery.refusal = (grpc.StatusCode[code], message) if code else None

    def mute(self, on=True):
        """The connection lives and nothing is answered."""
        self.discovery.is_mute = on

    def name_by(self, naming):
        self.discovery.naming = naming

    def enrol(self, socket, **pod):
        if socket not in self.agents:
            self.agents[socket] = agent.Agent(socket)
        if pod:
            self.agents[socket].enrol(**pod)

    def withdraw(self, socket, uid):
        self.agents[socket].withdraw(uid)

    def issue(self, name, identity):
        """A certificate for another program: FOLDER/NAME.pem and FOLDER/NAME.key."""
        self.authority.issue(identity, f"{self.folder}/{name}")

    def run(self):
        handlers = {
            "serve": self.serve, "trust": self.trust, "admit": self.admit, "mute": self.mute, "name by": self.name_by,
            "enrol": self.enrol, "withdraw": self.withdraw, "gate": self.gate.set, "reset": self.gate.reset,
            "ca": self.authority.set, "revoke": self.authority.revoke,
            "revoke issuer": self.authority.revoke_issuer, "put": self.discovery.put,
            "remove": self.discovery.remove, "many": self.discovery.many, "burst": self.discovery.burst,
            "send": self.discovery.send, "end": self.discovery.end, "issue": self.issue,
        }
        pipe = f"{self.folder}/commands"
        if not os.path.exists(pipe):
            os.mkfifo(pipe)
        commands = os.fdopen(os.open(pipe, os.O_RDWR))
        tell("ready", port=self.gate.port)
        for line in commands:
            command = json.loads(line)
            try:
                handlers[command.pop("do")](**command)
                tell("done")
            except Exception as failure:
                tell("done", failure=repr(failure), command=line[:200])


if __name__ == "__main__":
    Istiod(sys.argv[1], sys.argv[2], int(sys.argv[3])).run()
