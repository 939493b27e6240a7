import Interception
import Primitives
import System
import Testing

/// Needs root.
@Suite struct PodNetworkTests {
    private let network = PodNetwork(families: [.v4, .v6])
    private let plain = CaptureOptions(capturesDNS: false)

    private func withNamespace(_ body: (NetworkNamespace) throws -> Void) throws {
        let name = "cvt-\(Entropy.uint64() % 1_000_000_000)"
        try #require(try ChildProcess.run(["ip", "netns", "add", name]).status.isSuccess)
        defer { _ = try? ChildProcess.run(["ip", "netns", "del", name]) }
        let namespace = try NetworkNamespace.open(path: "/run/netns/\(name)")
        _ = try run("ip link set lo up", in: namespace)
        try body(namespace)
    }

    @discardableResult
    private func run(_ line: String, in namespace: NetworkNamespace, input: String = "") throws -> String {
        let words = line.split(separator: " ").map(String.init)
        let result = try namespace.perform { () throws(Errno) in
            try ChildProcess.run(words, input: Array(input.utf8))
        }
        try #require(result.status.isSuccess, "\(line): \(String(decoding: result.errors, as: UTF8.self))")
        return String(decoding: result.output, as: UTF8.self)
    }

    private func state(in namespace: NetworkNamespace) throws -> String {
        try ["iptables-save", "ip6tables-save", "ip rule", "ip -6 rule"].map { try run($0, in: namespace) }.joined()
            .split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: "\n")
    }

    @Test func `what is installed is there, in both families, and is found there`() throws {
        try withNamespace { namespace in
            #expect(try network.install(CaptureOptions(capturesDNS: true), in: namespace) == .installed)
            let first = try state(in: namespace)
            #expect(first.split(separator: "\n").count { $0.hasPrefix("-A ISTIO_") } == 24)
            #expect(first.contains("32764:\tfrom all fwmark 0x111/0xfff lookup 100"))
            #expect(try run("ip route show table 100", in: namespace).contains("local default dev lo"))
            #expect(try run("ip -6 route show table 100", in: namespace).contains("local default dev lo"))
            #expect(try network.install(CaptureOptions(capturesDNS: true), in: namespace) == .unchanged)
            #expect(try state(in: namespace) == first)
        }
    }

    @Test func `other rules of the mesh are replaced, rules of others stay`() throws {
        try withNamespace { namespace in
            try run("iptables -A INPUT -p tcp --dport 9 -j DROP", in: namespace)
            try network.install(plain, in: namespace)
            let wanted = try state(in: namespace)
            for tampering in [
                "iptables -t nat -D ISTIO_OUTPUT -p tcp -m mark --mark 0x111/0xfff -j ACCEPT",
                "iptables -t nat -A ISTIO_OUTPUT -j RETURN", "ip6tables -t nat -N ISTIO_OLD",
                "iptables -t nat -D OUTPUT -j ISTIO_OUTPUT", "iptables -t nat -R ISTIO_OUTPUT 2 -p tcp -j ACCEPT",
            ] {
                try run(tampering, in: namespace)
                #expect(try network.install(plain, in: namespace) == .replaced, "\(tampering)")
                #expect(try lines(state(in: namespace)) == lines(wanted), "\(tampering)")
            }
        }
    }

    @Test func `guardrails of an agent that died are cleared away`() throws {
        try withNamespace { namespace in
            try network.install(plain, in: namespace)
            let wanted = try lines(state(in: namespace))
            try run("iptables-restore --noflush", in: namespace, input: Guardrails.installation)
            #expect(try state(in: namespace).contains("-A ISTIO_GUARD -p tcp -j DROP"))
            #expect(try network.install(plain, in: namespace) == .replaced)
            #expect(try lines(state(in: namespace)) == wanted)
        }
    }

    @Test func `without reconciliation a difference is told and left`() throws {
        try withNamespace { namespace in
            let careful = PodNetwork(families: [.v4], reconciles: false)
            #expect(try careful.install(plain, in: namespace) == .installed)
            let before = try state(in: namespace)
            #expect(try careful.install(CaptureOptions(capturesDNS: true), in: namespace) == .differs)
            #expect(try state(in: namespace) == before)
        }
    }

    @Test func `removal leaves what was there before, and may be repeated`() throws {
        try withNamespace { namespace in
            try run("iptables -t nat -A OUTPUT -p tcp --dport 9 -j ACCEPT", in: namespace)
            let before = try lines(state(in: namespace))
            try network.install(CaptureOptions(capturesDNS: true), in: namespace)
            try network.remove(from: namespace)
            try network.remove(from: namespace)
            #expect(try lines(state(in: namespace)) == before)
            #expect(try !state(in: namespace).contains("ISTIO"))
            #expect(try network.install(plain, in: namespace) == .installed)
        }
    }

    /// The rules, whatever the order of tables and chains.
    private func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map(String.init).filter { $0.hasPrefix("-") || $0.contains("lookup") }.sorted()
    }
}
