import ControlPlane
import Discovery
import Mesh
import Primitives
import RPC
import System
import Testing

/// Discovery against a control plane by grpcio.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct DiscoveryTests {
    private func uid(_ name: String) -> String { "Kubernetes//Pod/shop/\(name)" }

    @Test func `a node says who it is, acknowledges, and after an end tells what it holds`() throws {
        let istiod = try Istiod()
        istiod.tell(
            "put",
            Json.put(
                "address", Json.workload("web", address: "10.1.0.1"), Json.workload("cart", address: "10.1.0.2"),
                Json.service("cart", address: "10.96.0.1")))
        istiod.tell(
            "put", Json.put("policy", #"{"name": "shop/deny", "value": {"name": "deny", "namespace": "shop"}}"#))
        let node = try DiscoverySubject(of: istiod)
        #expect(node.turn { istiod.count("ack") == 2 })
        #expect(node.readyCount == 1)
        #expect(node.state.workloadCount == 2 && node.state.serviceCount == 1)
        let first = istiod.all("request").map(String.init)
        #expect(first.count == 2)
        #expect(first[0].contains("\"type\": \"address\"") && first[1].contains("\"type\": \"policy\""))
        for text in first {
            #expect(
                text.contains("\"id\": \"ztunnel~10.0.0.2~ztunnel-abcde.istio-system~istio-system.svc.cluster.local\""))
            for field in ["\"NODE_NAME\": \"n1\"", "\"INSTANCE_IPS\": \"10.0.0.2\"", "\"ISTIO_VERSION\": \"tests\""] {
                #expect(text.contains(field))
            }
            #expect(!text.contains("resource_names") && !text.contains("initial_resource_versions"))
        }
        for field in [
            "\"authorization\": \"Bearer token-1\"", "\"clusterid\": \"Kubernetes\"", "\"x-extra\": \"from-the",
        ] {
            #expect(istiod.all("stream", field).count == 1)
        }

        // While the node is away one resource changes, one goes, one comes and one stays.
        istiod.tell("admit", #""code": "UNAVAILABLE", "message": "starting""#)
        istiod.tell("end", #""code": "UNAVAILABLE", "message": "transport is closing""#)
        try FileSystem.write(Array("  token-2\n\n".utf8), to: "\(istiod.folder)/token", mode: 0o600)
        istiod.tell("put", Json.put("address", Json.workload("web", address: "10.1.0.9")))
        istiod.tell("put", Json.put("address", Json.workload("late", address: "10.1.0.3")))
        istiod.tell("remove", "\"type\": \"address\", \"names\": [\"\(uid("cart"))\"]")
        #expect(node.turn { istiod.count("stream refused") > 1 })
        #expect(node.state.workloadCount == 2, "the last good state stays")
        istiod.tell("admit")
        #expect(node.turn { istiod.all("request").count == 4 })
        #expect(node.turn { node.state.workload(uid: uid("late")) != nil })
        #expect(node.state.workload(uid: uid("cart")) == nil)
        #expect(node.state.workload(uid: uid("web"))?.addresses == [try #require(IPAddress("10.1.0.9"))])
        #expect(istiod.all("stream", "Bearer token-2").count == 1)
        let again = istiod.all("request").suffix(2).map(String.init)
        #expect(again[0].contains("initial_resource_versions") && again[0].contains(uid("cart")))
        #expect(again[1].contains("\"shop/deny\""))
        #expect(istiod.all("response", "\"type\": \"address\"").last?.contains("\"resources\": 2") == true)
        #expect(node.readyCount == 1)
    }

    @Test func `what is bad is refused by name and reason, the rest applies, and the refused comes again`() throws {
        let istiod = try Istiod()
        istiod.tell(
            "put",
            Json.put(
                "address", Json.workload("good", address: "10.1.0.1"),
                Json.workload("short", address: "hex:0a01"),
                Json.workload("legacy", address: "10.1.0.3").replacing("\"HBONE\"", with: "\"LEGACY_ISTIO_MTLS\""),
                Json.workload("odd", address: "10.1.0.4").replacing("\"HBONE\"", with: "9"),
                #"{"name": "garbage", "hex": "0affffff"}"#, #"{"name": "empty", "hex": ""}"#,
                Json.service("last", address: "10.96.0.1")))
        let node = try DiscoverySubject(of: istiod)
        #expect(node.turn { istiod.count("nack") == 1 })
        let complaint = String(istiod.all("nack").first ?? "")
        for text in [
            "\(uid("short")): failed to parse address, had 2 bytes",
            "\(uid("legacy")): unknown enum: unsupported tunnel protocol: legacy istio mtls",
            "\(uid("odd")): decode error: unknown enumeration value 9", "garbage: decode: ",
            "empty: unknown address type",
        ] {
            #expect(complaint.contains(text), "\(complaint)")
        }
        #expect(!complaint.contains("good"))
        #expect(node.state.workload(uid: uid("good")) != nil && node.state.serviceCount == 1)
        #expect(node.state.workloadCount == 1)

        istiod.tell("end")
        #expect(node.turn { istiod.count("nack") == 2 }, "what was refused is not said to be held")
        istiod.tell("remove", "\"type\": \"address\", \"names\": [\"garbage\", \"empty\"]")
        #expect(node.turn { istiod.count("ack") >= 2 })
    }

    @Test func `fields, types and numbers of a later version do not stop what is known`() throws {
        let istiod = try Istiod()
        let node = try DiscoverySubject(of: istiod)
        // A field of each wire type with numbers that nobody has.
        let later = "f83f01" + "f93f0000000000000000" + "fa3f03616263" + "fd3f00000000"
        let web = Json.workload("web", address: "10.1.0.1").dropLast() + ", \"extra\": \"\(later)\"}"
        istiod.tell("put", Json.put("address", String(web)))
        #expect(node.turn { node.state.workload(uid: uid("web")) != nil })
        #expect(istiod.count("nack") == 0)
        // A response of a type that nobody asked for, nonce "u1".
        let type = Array("type.googleapis.com/later.Type".utf8)
        let message = [0x22, UInt8(type.count)] + type + [0x2a, 2] + Array("u1".utf8)
        let hex = message.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        istiod.tell("send", "\"hex\": \"\(hex)\"")
        #expect(node.turn { !istiod.all("ack", "u1", "later.Type").isEmpty })
    }

    @Test func `news in quick succession are told together and acknowledged one by one, single ones at once`() throws {
        let istiod = try Istiod()
        let node = try DiscoverySubject(of: istiod)
        #expect(node.turn { node.readyCount == 1 && istiod.count("ack") == 2 })
        let told = node.updates.count
        istiod.tell("burst", "\"count\": 300")
        #expect(node.turn { istiod.count("ack") == 302 })
        let nonces = istiod.all("ack").compactMap { $0.split(separator: "\"nonce\": ").last?.prefix { $0 != "," } }
        #expect(nonces.map(String.init) == (1...302).map { "\"n\($0)\"" })
        #expect((1...150).contains(node.updates.count - told), "\(node.updates.count - told)")
        // Whoever follows what is told knows the last version.
        let last = try #require(node.updates.last)
        #expect(last.state.workload(uid: "c//Pod/shop/burst")?.addresses == [try #require(IPAddress("10.200.1.43"))])
        #expect(last.localWorkloads.count == 1)

        node.turn(for: .milliseconds(50))
        let before = node.updates.count
        istiod.tell("burst", "\"count\": 1")
        #expect(node.turn { node.updates.count == before + 1 })
    }

    @Test func `a response that is no message ends the stream and not the state`() throws {
        let istiod = try Istiod()
        let node = try DiscoverySubject(of: istiod)
        istiod.tell("put", Json.put("address", Json.workload("web", address: "10.1.0.1")))
        #expect(node.turn { node.state.workloadCount == 1 })
        for _ in 0..<3 {
            let before = istiod.count("stream")
            istiod.tell("send", #""hex": "ffffffff""#)
            #expect(node.turn { istiod.count("stream") > before })
        }
        #expect(node.state.workloadCount == 1)
        let text = "\"type\": \"address\""
        #expect(istiod.all("request", text).last?.contains(uid("web")) == true)
        istiod.tell("put", Json.put("address", Json.workload("cart", address: "10.1.0.2")))
        #expect(node.turn { node.state.workloadCount == 2 })
    }

    @Test func `a stream that died with its connection open is found and replaced`() throws {
        // In the tests' small figures; those in force are the limits.
        #expect(Limits.rpcKeepAliveInterval + Limits.rpcKeepAliveTimeout < .seconds(30))
        let istiod = try Istiod()
        let node = try DiscoverySubject(of: istiod)
        #expect(node.turn { node.readyCount == 1 })
        istiod.tell("gate", #""mode": "hang""#)
        #expect(node.turn(atMost: .seconds(5)) { node.terminations == [.complete] })
        #expect(node.statuses.first?.message == "the peer does not answer pings")
        istiod.tell("put", Json.put("address", Json.workload("web", address: "10.1.0.1")))
        // The next attempts meet the same silence, before TLS.
        #expect(node.turn(atMost: .seconds(5)) { node.terminations.contains(.connectionError) })
        istiod.tell("gate", #""mode": "open""#)
        #expect(node.turn { node.state.workloadCount == 1 })
        // A server that is quiet but alive is left alone.
        let count = istiod.count("stream")
        node.turn(for: .seconds(4))
        #expect(istiod.count("stream") == count)
    }

    @Test func `whatever the network does to the stream, the state stays and the next stream is as good`() throws {
        let istiod = try Istiod()
        let node = try DiscoverySubject(of: istiod)
        // Only a stream that there is can be reset.
        #expect(node.turn { node.readyCount == 1 })
        for (number, fault) in ["reset", "refuse", "garbage", "hang", "kill"].enumerated() {
            switch fault {
            case "reset": istiod.tell("reset")
            case "kill": istiod.kill()
            default:
                istiod.tell("gate", "\"mode\": \"\(fault)\"")
                istiod.tell("reset")
            }
            let before = node.terminations.count
            #expect(node.turn { node.terminations.count > before + (fault == "reset" ? 0 : 2) }, "\(fault)")
            #expect(node.state.workloadCount == number, "\(fault)")
            if fault == "kill" {
                try istiod.start()
                istiod.tell("trust", #""root": "a""#)
            } else {
                istiod.tell("gate", #""mode": "open""#)
            }
            // A new process has a new root, and knows none of what the old one said, and so takes it back.
            let names = fault == "kill" ? number + 1...number + 1 : 1...number + 1
            for name in names {
                istiod.tell("put", Json.put("address", Json.workload("w\(name)", address: "10.1.0.\(name)")))
            }
            #expect(node.turn { node.state.workloadCount == names.count }, "\(fault)")
            // A stream that has lasted makes up for the failures before it.
            node.turn(for: .milliseconds(1100))
        }
    }

    @Test func `a server is believed by its roots and its name alone`() throws {
        let istiod = try Istiod()
        istiod.tell("serve", #""name": "other.example""#)
        let node = try DiscoverySubject(of: istiod, host: "localhost")
        #expect(node.turn { node.terminations.count >= 2 })
        #expect(node.statuses.allSatisfy { $0.description.contains("not for localhost") }, "\(node.statuses)")
        let other = try DiscoverySubject(of: istiod, host: "localhost") { $0.alternativeName = "other.example" }
        #expect(other.turn { other.readyCount == 1 })
        // The right name under a root that nobody has told the node of, until the file is replaced.
        istiod.tell("serve", #""root": "b""#)
        let before = node.terminations.count
        #expect(node.turn { node.terminations.count > before + 1 })
        #expect(node.statuses.last?.description.contains("root") == true, "\(node.statuses.last?.description ?? "")")
        #expect(istiod.count("stream") == 1)
        istiod.tell("trust", #""root": "b""#)
        #expect(node.turn { node.readyCount == 1 })
    }

    @Test func `every way to end a stream is followed by another, and attempts thin out while nobody answers`() throws {
        let istiod = try Istiod()
        let node = try DiscoverySubject(of: istiod)
        #expect(node.turn { node.readyCount == 1 })
        let endings: [(code: String, message: String, kind: DiscoveryTermination)] = [
            ("OK", "", .complete), ("UNKNOWN", "", .reconnect), ("CANCELLED", "", .reconnect),
            ("DEADLINE_EXCEEDED", "", .reconnect), ("UNAVAILABLE", "transport is closing", .reconnect),
            ("UNAVAILABLE", "overloaded", .error), ("INTERNAL", "", .error), ("PERMISSION_DENIED", "", .error),
            ("RESOURCE_EXHAUSTED", "", .error),
        ]
        for (number, ending) in endings.enumerated() {
            let streams = istiod.count("stream")
            istiod.tell("end", "\"code\": \"\(ending.code)\", \"message\": \"\(ending.message)\"")
            #expect(node.turn { istiod.count("stream") == streams + 1 && node.client.isConnected }, "\(ending)")
            #expect(node.terminations.count == number + 1 && node.terminations.last == ending.kind, "\(ending)")
        }
        // A stream that has lasted makes up for the failures before it.
        node.turn(for: .milliseconds(1100))
        istiod.tell("admit", #""code": "UNAUTHENTICATED", "message": "who are you""#)
        istiod.tell("end")
        let before = istiod.count("stream refused")
        node.turn(for: .seconds(2))
        let attempts = istiod.count("stream refused") - before
        #expect((3...12).contains(attempts), "\(attempts) in 2 s")
        #expect(node.statuses.last?.message == "who are you")
    }
}
