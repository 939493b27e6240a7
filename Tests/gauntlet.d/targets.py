"""A peer that asks for what it must not reach: each spelling of a forbidden target, and the right one beside it."""

import frames
import gauntlet
import lab
from peer import Peer

OURS = (15001, 15006, 15008, 15053, 15080, 15020, 15021, 15000)
CANARY = 7777


def ask(authority):
    """The answer to one request, on a connection of its own."""
    peer = Peer.dial().begin()
    try:
        return peer.status(peer.request(authority)) if peer.goaway is None else peer.goaway
    except ConnectionResetError:
        return "closed"
    finally:
        peer.close()


def forbidden():
    mapped, tail = "::ffff:", f":{CANARY}"
    hosts = [
        "127.0.0.1", "127.1", "127.0.0.1.", "127.255.255.254", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "0",
        "localhost", "localhost.", "LOCALHOST", "ip6-localhost",
        "[::1]", "[::]", f"[{mapped}127.0.0.1]", f"[{mapped}7f00:1]", f"[{mapped}{lab.CART}]", "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]", "[64:ff9b::7f00:1]", "::1",
        "169.254.169.254", "169.254.1.1", "[fe80::1]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[fd00:ec2::254]",
        lab.CART, "[fd10:2::20]", lab.WEB, "[fd10:1::10]", "10.10.2.020", "10.10.2.20.", "255.255.255.255", "224.0.0.1",
        f"a@{lab.LEDGER}", f"{lab.LEDGER}%2f", f"{lab.LEDGER}/", f"//{lab.LEDGER}", f" {lab.LEDGER}", "\u0661\u0662\u0667.0.0.1",
        "ledger", "cart.shop.svc.cluster.local", "", "[", "[]", "*",
    ]
    targets = [host + tail for host in hosts]
    own = [f"{lab.LEDGER}:{port}" for port in OURS] + [f"[fd10:2::30]:{port}" for port in OURS]
    odd = [f"{lab.LEDGER}:{port}" for port in ("0", "65536", "-1", "+9001", " 9001", "9001 ", "0x2329", "", "9001:9001", "٩")]
    return targets + own + odd


def refused(authority):
    answer = ask(authority.encode().decode("latin-1") if authority.isascii() else authority)
    assert answer != "200", f"{authority!r} was reached"


def all_refused():
    """None is reached, and the node and its other peers live on."""
    reached = []
    for authority in forbidden():
        try:
            refused(authority)
        except AssertionError as failure:
            reached.append(str(failure))
    assert not reached, reached
    return f"{len(forbidden())} spellings"


def right():
    """The pod's own address, in either family, is reached; several ways to write IPv6 are one."""
    for authority in (f"{lab.LEDGER}:{lab.ECHO}",):
        assert ask(authority) == "200", authority
    peer = Peer.dial(to="fd10:2::30").begin()
    for authority in ("[fd10:2::30]", "[FD10:2::30]", "[fd10:0002:0:0:0:0:0:30]"):
        assert peer.status(peer.request(f"{authority}:{lab.ECHO}")) == "200", authority
    peer.close()


def with_user():
    """What follows a user is a name to a ztunnel, and nobody has it."""
    assert ask(f"a@{lab.LEDGER}:{lab.ECHO}") == "503"


def mapped():
    """The pod's own address, mapped into IPv6, is either that address or none."""
    assert ask(f"[::ffff:{lab.LEDGER}]:{lab.ECHO}") in ("200", "400")


def plain_ports():
    """Nothing of ours answers a stranger who dials it in plain TCP."""
    import socket

    for port in (15001, 15006, 15053, 15080, 15020, 15021, 15000):
        with lab.inside(lab.STRANGER), socket.socket() as connection:
            connection.settimeout(2)
            try:
                connection.connect((lab.LEDGER, port))
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = connection.recv(100)
            except OSError:
                answer = b""
            assert not answer, f"port {port} answers {answer}"


def from_within():
    """An application that dials our ports on its own loopback or address is not sent round in circles."""
    import socket

    for host in ("127.0.0.1", lab.LEDGER):
        for port in (15001, 15006):
            with lab.inside(lab.LEDGER), socket.socket() as connection:
                connection.settimeout(3)
                try:
                    connection.connect((host, port))
                    connection.sendall(b"around and around")
                    answer = connection.recv(100)
                except TimeoutError:
                    raise AssertionError(f"{host}:{port} hangs")
                except OSError:
                    answer = b""
                assert not answer, f"{host}:{port} answers {answer}"


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        canaries = [run.start("canary.py", str(CANARY), place=place) for place in (lab.LEDGER, lab.CART, lab.WEB)]
        try:
            run.check("the right target in every spelling", right)
            run.check("the right target mapped", mapped)
            run.check("the right target after a user", with_user)
            run.check("forbidden targets in every spelling", all_refused)
            run.check("our ports from outside", plain_ports)
            run.check("our ports from within", from_within)
            run.check("the right target still", right)
            run.bystander.take()
            for canary in canaries:
                assert canary.poll() is None, "a canary was touched"
        except AssertionError as failure:
            run.failures.append("canary")
            print(f"FAILED  {failure}")
        finally:
            for canary in canaries:
                canary.kill()
                canary.wait()
        run.finish()


if __name__ == "__main__":
    main()
