"""The interception agent's side of enrolment: tells nodes which pods are theirs and hands over their namespaces."""

import os
import socket
import threading

from messages import kind, tell


class Agent:
    def __init__(self, path):
        self.lock = threading.Lock()
        self.pods = {}
        self.node = None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(path)
        self.socket.listen(4)
        threading.Thread(target=self._accept, daemon=True).start()

    def enrol(self, uid, name, namespace, account, netns):
        request = kind("WorkloadRequest")()
        request.add.uid = uid
        info = request.add.workload_info
        info.name, info.namespace, info.service_account = name, namespace, account
        with self.lock:
            self.pods[uid] = (request, netns)
            if self.node is not None:
                self._add(request, netns)

    def withdraw(self, uid):
        request = kind("WorkloadRequest")()
        getattr(request, "del").uid = uid
        with self.lock:
            self.pods.pop(uid, None)
            if self.node is not None:
                self.node.send(request.SerializeToString())

    def _add(self, request, netns):
        descriptor = os.open(netns, os.O_RDONLY)
        try:
            socket.send_fds(self.node, [request.SerializeToString()], [descriptor])
        finally:
            os.close(descriptor)

    def _accept(self):
        while True:
            node, _ = self.socket.accept()
            node.recv(64)
            with self.lock:
                self.node = node
                for request, netns in self.pods.values():
                    self._add(request, netns)
                snapshot = kind("WorkloadRequest")()
                snapshot.snapshot_sent.SetInParent()
                node.send(snapshot.SerializeToString())
            threading.Thread(target=self._listen, args=(node,), daemon=True).start()

    def _listen(self, node):
        while packet := node.recv(4096):
            tell("enrolment", error=kind("WorkloadResponse").FromString(packet).ack.error)
        with self.lock:
            if self.node is node:
                self.node = None
