import Glibc
import Mesh
import Policy
import Primitives
import System
import Testing

@testable import NodeProxy

/// SOCKS5 as curl speaks it, and as nobody should.
@Suite(.serialized) struct SOCKSTests {
    private final class Setting {
        let file: ResolverFile
        let node: TestNode
        let server: NameServer
        private let application: ChildProcess

        init() throws {
            file = try ResolverFile("nameserver 10.77.0.3", "options timeout:1 attempts:0")
            var configuration = file.configuration
            configuration.isSOCKS5Enabled = true
            node = try TestNode(others: ["dns"], configuration: configuration)
            server = try NameServer(
                on: ["10.77.0.3"], in: node.pod("dns").namespace,
                names: [
                    "outside.example.com=10.77.0.2", "outside6.example.com=fd77::2",
                    "several.example.com=10.77.0.3", "several.example.com=10.77.0.2",
                ])
            var options = ChildProcess.Options()
            options.output = .null
            options.errors = .null
            application = try node.cart.namespace.perform { () throws(Errno) -> ChildProcess in
                try ChildProcess.spawn(
                    ["python3", "-m", "http.server", "8080", "--bind", "::", "--directory", "/proc/self/attr"],
                    options: options)
            }
            let cart = NameFixture.service("cart", ["10.96.0.10"])
            node.publish { state in
                state.insert(cart)
                let old = node.cart.workload
                state.insert(
                    Workload(
                        uid: old.uid, name: old.name, namespace: old.namespace, serviceAccount: old.serviceAccount,
                        addresses: old.addresses, node: old.node, canonicalName: old.canonicalName,
                        tunnelProtocol: .hbone, services: [Workload.Membership(cart.key, ports: PortMap())]))
            }
            let isListening = try eventually { () -> Bool? in
                try node.cart.output("ss", "-ltnH", "sport = :8080").isEmpty ? nil : true
            }
            #expect(isListening == true)
        }

        deinit { _ = try? application.stop() }

        /// The status that curl gets.
        func fetch(_ arguments: String...) throws -> String {
            let result = try ChildProcess.run(
                [
                    "ip", "netns", "exec", node.web.netnsName, "curl", "--silent", "--output", "/dev/null",
                    "--max-time", "10", "--retry", "3", "--retry-all-errors", "--retry-delay", "1", "--write-out",
                    "%{http_code}",
                ] + arguments)
            return String(decoding: result.output, as: UTF8.self)
        }

        /// What it says when nothing more comes: a question mark.
        static let silence = "3f"

        /// What comes back for bytes sent to the port, as hex.
        func exchange(_ hex: String) throws -> String {
            let script = """
                import socket, sys
                s = socket.create_connection(("127.0.0.1", 15080)); s.settimeout(3)
                s.sendall(bytes.fromhex(sys.argv[1])); got = b""
                try:
                    while True:
                        piece = s.recv(4096)
                        if not piece: break
                        got += piece
                except (TimeoutError, ConnectionError): got += b"?"
                print(got.hex(), end="")
                """
            return try node.web.output("python3", "-c", script, hex)
        }
    }

    @Test func `curl reaches pods and services by address and by name, through the tunnel`() throws {
        let setting = try Setting()
        for (proxy, url) in [
            ("socks5://127.0.0.1:15080", "http://10.77.0.2:8080/"), ("socks5://127.0.0.1:15080", "http://10.96.0.10/"),
            ("socks5://127.0.0.1:15080", "http://[fd77::2]:8080/"), ("socks5://[::1]:15080", "http://10.77.0.2:8080/"),
            ("socks5h://127.0.0.1:15080", "http://cart.shop/"), ("socks5h://127.0.0.1:15080", "http://cart/"),
            ("socks5h://127.0.0.1:15080", "http://outside.example.com:8080/"),
            ("socks5h://127.0.0.1:15080", "http://outside6.example.com:8080/"),
            ("socks5h://[::1]:15080", "http://outside.example.com:8080/"),
        ] {
            let result = try setting.fetch("--proxy", proxy, url)
            #expect(result == "200", "\(proxy) \(url) \(result) \(setting.node.logText.suffix(2000))")
        }
        let log = setting.node.logText
        #expect(
            log.contains("dst.hbone_addr=10.77.0.2:8080") && log.contains("dst.service=\"cart.shop.svc.cluster.local\"")
        )
        #expect(log.contains("src.addr=127.0.0.1:"), "the client is who dialled us")
    }

    @Test func `a client is told that it is connected once it is, and otherwise why not`() throws {
        let setting = try Setting()
        func ask(_ address: String, _ port: String) throws -> String {
            try setting.exchange("050100" + "05010001" + address + port)
        }
        let reply = { (code: String) in "0500" + "05" + code + "0001000000000000" }
        // The application answers 8080 and nothing else, by the tunnel or, where nobody is known, in plain.
        #expect(try ask("0a4d0002", "1f90") == reply("00") + Setting.silence)
        #expect(try ask("0a4d0002", "1f91") == reply("05"), "\(setting.node.logText)")
        // Its node is not there.
        #expect(try ask("0a4d0003", "1f91") == reply("04"), "\(setting.node.logText)")
        let stranger = try setting.node.pod("dns").workload.uid
        setting.node.publish { $0.removeAddress(named: stranger) }
        usleep(100_000)
        #expect(try ask("0a4d0003", "1f91") == reply("05"), "\(setting.node.logText)")
        setting.node.publish { $0.policies.insert(.nobody) }
        usleep(100_000)
        #expect(try ask("0a4d0002", "1f90") == reply("02"), "\(setting.node.logText)")
    }

    @Test func `a name that has several addresses is tried at each`() throws {
        let setting = try Setting()
        let name = "several.example.com"
        let hex = name.utf8.map { String($0, radix: 16) }.joined()
        let length = String(name.utf8.count, radix: 16)
        let answer = try setting.exchange("050100" + "05010003" + length + hex + "1f90")
        #expect(answer == "0500" + "05000001000000000000" + Setting.silence, "\(setting.node.logText)")
    }

    @Test func `a name that leads nowhere is an unreachable host`() throws {
        let setting = try Setting()
        let name = "nx.example.com"
        let hex = name.utf8.map { String($0, radix: 16) }.joined()
        #expect(try setting.exchange("05010005010003" + "0e" + hex + "0050") == "0500" + "05040001000000000000")
        #expect(setting.node.logText.contains("no address for host name nx.example.com"))
    }

    @Test func `what is no handshake is answered and closed`() throws {
        let setting = try Setting()
        #expect(try setting.exchange("05010005020001" + "0a600005" + "0050").hasPrefix("0500" + "05070001000000000000"))
        #expect(try setting.exchange("0502" + "0102") == "05070001000000000000")
        #expect(try setting.exchange("474554202f20485454502f312e300d0a").hasPrefix("05070001000000000000"))
    }

    @Test func `clients that say nothing are bounded, and the first beyond that is logged`() throws {
        var configuration = NodeConfiguration()
        (configuration.isSOCKS5Enabled, configuration.workerCount) = (true, 1)
        let node = try TestNode(enrolling: ["web"], configuration: configuration)
        let endpoint = Endpoint(IPAddress(v4: 0x7f00_0001), port: 15080)
        var silent = try (0..<Limits.socksHandshakeCountMax).map { _ in HeldSocket(try node.web.connect(endpoint)) }
        for _ in 0..<2 {
            let refused = try node.web.connect(endpoint)
            #expect(throws: Errno.connectionReset) { _ = try read(refused) }
        }
        let told = node.logText.split(separator: "\n").filter { $0.contains("too many SOCKS clients at once") }
        #expect(told.count == 1)
        silent.removeLast()
        let isServed = try eventually { () -> Bool? in
            let again = try node.web.connect(endpoint)
            guard sendAll([5, 1, 0], to: again) else { return nil }
            return (try? read(again)) == "\u{5}\0" ? true : nil
        }
        #expect(isServed == true)
    }
}
