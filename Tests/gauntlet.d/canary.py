"""Listens where nobody may come, and ends when somebody does."""

import selectors
import socket
import sys

selector = selectors.DefaultSelector()
for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((host, int(sys.argv[1])))
    listener.listen()
    selector.register(listener, selectors.EVENT_READ)
print("ready", flush=True)
selector.select()
