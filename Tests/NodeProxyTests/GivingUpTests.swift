import Glibc
import Primitives
import System
import Testing

@testable import NodeProxy

/// Applications that are gone, or seem to be, before their connections are made.
@Suite(.serialized) struct GivingUpTests {
    @Test func `an application that gives up before the answer frees its stream at once`() throws {
        let node = try TestNode(enrolling: ["web"])
        let peer = try HBONEPeer.server(in: node.cart, of: node, options: #"{"status": 0}"#)
        do {
            let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
            #expect(try peer.event { $0.contains("\"request\"") } != nil)
            TCPSocket.resetOnClose(client)
        }
        let started = MonotonicClock.now()
        #expect(try peer.event { $0.contains("\"event\": \"reset\"") } != nil)
        #expect(MonotonicClock.now() - started < .seconds(1))
    }

    @Test func `an application that is gone before the answer is told from one that waits for it`() throws {
        let node = try TestNode(enrolling: ["web"])
        let peer = try HBONEPeer.server(in: node.cart, of: node, options: #"{"status": 0}"#)
        let destination = Endpoint(node.cart.address, port: 8080)
        let ended = try node.web.connect(destination)
        TCPSocket.shutdownWrite(of: ended)
        do {
            let spoken = try node.web.connect(destination)
            try write("to be delivered", to: spoken)
        }
        #expect(try eventually { peer.count(of: "request") == 2 ? true : nil } != nil)
        usleep(500_000)
        #expect(peer.count(of: "reset") == 0, "\(peer.lines)")
        do { _ = try node.web.connect(destination) }
        #expect(try peer.event { $0.contains("\"event\": \"reset\"") }?.contains("\"code\": 8") == true)
        #expect(peer.count(of: "reset") == 1)
        withExtendedLifetime(ended) {}
    }

    @Test func `what an application has said before it went, and that it has ended, arrives after a late answer`()
        throws
    {
        let node = try TestNode(enrolling: ["web"])
        let peer = try HBONEPeer.server(in: node.cart, of: node, options: #"{"delay": 1}"#)
        do {
            let spoken = try node.web.connect(Endpoint(node.cart.address, port: 8080))
            try write("to be delivered", to: spoken)
        }
        #expect(try peer.event { $0.contains("to be delivered") } != nil)
        let ended = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        TCPSocket.shutdownWrite(of: ended)
        let end = try read(ended)
        #expect(end == "")
    }

    @Test func `an application that is gone before a plain connection is made frees it at once`() throws {
        let node = try TestNode(enrolling: ["web"])
        try run("ip", "-n", node.cart.netnsName, "addr", "add", "10.77.0.99/24", "dev", "eth0")
        try run("ip", "netns", "exec", node.cart.netnsName, "iptables", "-A", "INPUT", "-p", "tcp", "-j", "DROP")
        let outside = Endpoint(IPAddress(v4: 0x0a4d_0063), port: 80)
        let ended = try node.web.connect(outside)
        TCPSocket.shutdownWrite(of: ended)
        do { _ = try node.web.connect(outside) }
        let complete = try eventually { node.logText.contains("connection complete") ? true : nil }
        #expect(complete != nil)
        #expect(node.logText.split(separator: "\n").count { $0.contains("connection complete") } == 1)
        withExtendedLifetime(ended) {}
    }
}
