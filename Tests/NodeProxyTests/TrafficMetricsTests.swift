import Glibc
import Identity
import Mesh
import Policy
import Primitives
import System
import Testing
import Wire

@testable import NodeProxy

@Suite(.serialized) struct TrafficMetricsTests {
    /// In ztunnel's order.
    private static let labels: [Substring] = [
        "reporter", "source_workload", "source_canonical_service", "source_canonical_revision",
        "source_workload_namespace", "source_principal", "source_app", "source_version", "source_cluster",
        "destination_service", "destination_service_namespace", "destination_service_name", "destination_workload",
        "destination_canonical_service", "destination_canonical_revision", "destination_workload_namespace",
        "destination_principal", "destination_app", "destination_version", "destination_cluster", "request_protocol",
        "response_flags", "connection_security_policy", "source_region", "source_zone", "destination_region",
        "destination_zone",
    ]

    @Test func `bytes and connections of a call are counted at both ends while it lasts`() throws {
        let node = try TestNode()
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let server = try node.accept(listener).take()
        try write("ping", to: client)
        let request = try read(server)
        try write("longer", to: server)
        let answer = try read(client)
        #expect(request == "ping" && answer == "longer")
        let open = try node.scrape()
        for (reporter, sockets) in [("source", 1.0), ("destination", 1.0)] as [(Substring, Double)] {
            #expect(open.sum("istio_tcp_connections_opened_total", ["reporter": reporter]) == 1)
            #expect(open.sum("istio_tcp_connections_closed_total", ["reporter": reporter]) == 0)
            #expect(open.sum("istio_tcp_received_bytes_total", ["reporter": reporter]) == 4)
            #expect(open.sum("istio_tcp_sent_bytes_total", ["reporter": reporter]) == 6)
            #expect(open.sum("istio_tcp_sockets_open", ["reporter": reporter]) == sockets)
        }
        let sample = try #require(open.all("istio_tcp_connections_opened_total", ["reporter": "destination"]).first)
        #expect(Set(sample.labels.keys) == Set(Self.labels) && sample.type == "counter")
        for (name, value) in [
            "source_canonical_service": "web", "source_principal": "spiffe://cluster.local/ns/shop/sa/web",
            "destination_canonical_service": "cart", "destination_principal": "spiffe://cluster.local/ns/shop/sa/cart",
            "destination_workload_namespace": "shop", "source_cluster": "Kubernetes", "source_version": "unknown",
            "destination_service": "unknown", "request_protocol": "tcp", "response_flags": "-",
            "connection_security_policy": "mutual_tls", "destination_zone": "unknown",
        ] as [Substring: Substring] {
            #expect(sample.labels[name] == value, "\(name)")
        }
        TCPSocket.shutdownWrite(of: client)
        TCPSocket.shutdownWrite(of: server)
        let ends = (try read(server), try read(client))
        #expect(ends == ("", ""))
        let closed = try #require(
            try eventually { () -> ScrapedMetrics? in
                let page = try node.scrape()
                return page.sum("istio_tcp_connections_closed_total", ["response_flags": "-"]) == 2 ? page : nil
            })
        #expect(closed.sum("istio_tcp_received_bytes_total") == 8 && closed.sum("istio_tcp_sent_bytes_total") == 12)
        #expect(closed.sum("istio_tcp_sockets_open", ["reporter": "source"]) == 0)
        #expect(closed.all("istio_tcp_connections_failed_total").isEmpty)
    }

    @Test func `a call that policies refuse is a failure on either side`() throws {
        let node = try TestNode()
        node.publish { $0.policies.insert(.onlyLedger) }
        usleep(100_000)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        _ = try? read(client)
        let page = try #require(
            try eventually { () -> ScrapedMetrics? in
                let page = try node.scrape()
                return page.sum("istio_tcp_connections_failed_total") == 2 ? page : nil
            })
        for name in ["istio_tcp_connections_failed_total", "istio_tcp_connections_closed_total"] {
            #expect(page.sum(name, ["reporter": "destination", "response_flags": "DENY"]) == 1)
            #expect(page.sum(name, ["reporter": "source", "response_flags": "CONNECT"]) == 1)
        }
        #expect(page.sum("istio_tcp_connections_opened_total", ["response_flags": "-"]) == 2)
    }

    /// The labels of a call from web to cart as a ztunnel has written them, both with their localities.
    private static func recorded(_ reporter: String) -> String {
        "reporter=\"\(reporter)\",source_workload=\"web\",source_canonical_service=\"web\","
            + "source_canonical_revision=\"v1\",source_workload_namespace=\"shop\","
            + "source_principal=\"spiffe://cluster.local/ns/shop/sa/web\",source_app=\"web\",source_version=\"v1\","
            + "source_cluster=\"Kubernetes\",destination_service=\"cart.shop.svc.cluster.local\","
            + "destination_service_namespace=\"shop\",destination_service_name=\"cart\","
            + "destination_workload=\"cart\",destination_canonical_service=\"cart\","
            + "destination_canonical_revision=\"v2\",destination_workload_namespace=\"shop\","
            + "destination_principal=\"spiffe://cluster.local/ns/shop/sa/cart\",destination_app=\"cart\","
            + "destination_version=\"v2\",destination_cluster=\"Kubernetes\",request_protocol=\"tcp\","
            + "response_flags=\"-\",connection_security_policy=\"mutual_tls\",source_region=\"r1\","
            + "source_zone=\"z1\",destination_region=\"r1\",destination_zone=\"z2\""
    }

    /// The pod's record with what telemetry says of it.
    private static func described(
        _ pod: TestPod, _ revision: String, zone: String, services: [Workload.Membership] = []
    ) -> Workload {
        Workload(
            uid: pod.workload.uid, name: pod.workload.name, namespace: "shop",
            serviceAccount: pod.workload.serviceAccount, addresses: [pod.address, pod.address6], node: "n1",
            locality: Locality(region: "r1", zone: zone), workloadType: .deployment,
            workloadName: pod.workload.name, canonicalName: pod.workload.name, canonicalRevision: revision,
            tunnelProtocol: .hbone, services: services)
    }

    @Test func `a call to a service has the labels that a ztunnel has recorded, in their order`() throws {
        let node = try TestNode()
        let service = NameFixture.service("cart", ["10.96.0.10"])
        let (web, cart) = (
            Self.described(node.web, "v1", zone: "z1"),
            Self.described(node.cart, "v2", zone: "z2", services: [.init(service.key, ports: PortMap())])
        )
        node.publish { state in
            state.insert(service)
            for workload in [web, cart] { state.insert(workload) }
        }
        usleep(100_000)
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(IPAddress(v4: 0x0a60_000a), port: 80))
        let server = try node.accept(listener).take()
        // Once a word has come through, both ends know that the connection is there.
        try write("hello", to: server)
        let heard = try read(client)
        #expect(heard == "hello")
        let text = Mailbag()
        node.perform { node in node.metrics { text.deliver($0) } }
        let page = String(decoding: try #require(try eventually { text.content }), as: UTF8.self)
        for reporter in ["source", "destination"] {
            let line = "\nistio_tcp_connections_opened_total{\(Self.recorded(reporter))} 1\n"
            #expect(page.contains(line), "\(page)")
        }
    }

    @Test func `plain TCP to somewhere unknown has labels that say so`() throws {
        let node = try TestNode(enrolling: ["web"])
        node.publish { state in
            state.removeAddress(named: node.cart.workload.uid)
        }
        usleep(100_000)
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        _ = try node.accept(listener)
        let sample = try #require(try node.scrape().all("istio_tcp_connections_opened_total").first)
        for (name, value) in [
            "reporter": "source", "source_canonical_service": "web", "source_principal": "unknown",
            "destination_principal": "unknown", "destination_workload": "unknown",
            "connection_security_policy": "unknown", "source_zone": "unknown",
        ] as [Substring: Substring] {
            #expect(sample.labels[name] == value, "\(name)")
        }
        withExtendedLifetime(client) {}
    }

    @Test func `a peer that does not speak TLS is counted`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let client = try node.web.connect(Endpoint(node.cart.address, port: 15008))
        usleep(50_000)
        try write("GET / HTTP/1.1\r\n\r\n", to: client)
        _ = try? read(client)
        let counted = try eventually {
            try node.scrape().sum("culvert_peers_refused_total", ["reason": "tls_handshake"]) == 1 ? true : nil
        }
        #expect(counted == true)
    }

    @Test func `traffic of too many kinds is counted in one`() throws {
        var table = TrafficTable()
        let endpoint = Endpoint(IPAddress(v4: 1), port: 1)
        for number in 0..<Limits.trafficSeriesCountMax + 10 {
            var record = ConnectionRecord(.inbound, from: endpoint, to: endpoint, at: Instant(nanoseconds: 0))
            record.caller.workload = Workload(uid: "\(number)", name: "", namespace: "", workloadName: "w\(number)")
            table.series(for: record, at: record.started).opened(record, at: record.started)
        }
        let counts = table.counts()
        #expect(counts.count == Limits.trafficSeriesCountMax + 1)
        #expect(counts[TrafficLabels(overflowOf: .destination)]?.opened == 10)
    }

    @Test func `peers that describe themselves as they like fill only their share`() {
        var table = TrafficTable()
        let endpoint = Endpoint(IPAddress(v4: 1), port: 1)
        for number in 0..<10_000 {
            var record = ConnectionRecord(.inbound, from: endpoint, to: endpoint, at: Instant(nanoseconds: 0))
            var baggage = Baggage()
            baggage.workloadName = "\(number)" + String(repeating: "x", count: 8000)
            record.caller.described = SelfDescription(baggage)
            table.series(for: record, at: record.started).opened(record, at: record.started)
        }
        let counts = table.counts()
        #expect(counts.count == Limits.foreignTrafficSeriesCountMax + 1)
        #expect(counts.keys.allSatisfy { $0.with(.none).count < 4096 })
        #expect(counts.values.reduce(0) { $0 + $1.opened } == 10_000)
    }

    @Test func `thousands of pods that come and go leave a short page`() {
        var table = TrafficTable()
        let endpoint = Endpoint(IPAddress(v4: 1), port: 1)
        let start = Instant(nanoseconds: 0)
        var longest = 0
        for number in 0..<20_000 {
            var record = ConnectionRecord(.inbound, from: endpoint, to: endpoint, at: start)
            record.caller.workload = Workload(
                uid: "Kubernetes//Pod/shop/job-\(number)", name: "job-\(number)", namespace: "shop",
                workloadName: "job-\(number)", canonicalName: "job-\(number)")
            let series = table.series(for: record, at: start)
            series.opened(record, at: start)
            series.closed(.none, received: 1, sent: 1, at: start)
            guard number % 500 == 499 else { continue }
            var metrics = NodeMetrics(control: ControlMetrics(), gauges: ControlGauges(), tag: "")
            metrics.workers.traffic = table.counts()
            longest = max(longest, metrics.page().count)
            table.forgetOld(at: start, MeshState(settings: MeshSettings(node: "n1")))
        }
        #expect(longest < 5_000_000, "\(longest) bytes")
    }

    @Test func `traffic of workloads that have left the mesh is forgotten in time`() throws {
        var table = TrafficTable()
        let endpoint = Endpoint(IPAddress(v4: 1), port: 1)
        let (start, later) = (Instant(nanoseconds: 0), Instant(nanoseconds: 0) + Limits.trafficSeriesIdleDuration)
        var state = MeshState(settings: MeshSettings(node: "n1"))
        for uid in ["here", "gone", "busy"] {
            let workload = Workload(uid: uid, name: uid, namespace: "shop", workloadName: uid)
            if uid == "here" { state.insert(workload) }
            var record = ConnectionRecord(.inbound, from: endpoint, to: endpoint, at: start)
            record.caller.workload = workload
            let series = table.series(for: record, at: start)
            series.opened(record, at: start)
            if uid != "busy" { series.closed(.none, received: 1, sent: 1, at: start) }
        }
        table.forgetOld(at: start, state)
        #expect(table.counts().count == 3)
        table.forgetOld(at: later, state)
        #expect(table.counts().count == 2)
        #expect(table.counts().keys.allSatisfy { !String(decoding: $0.with(.none), as: UTF8.self).contains("gone") })
    }

    @Test func `a table that gives memory back lets go of who has shown what and counts on`() {
        var table = TrafficTable()
        let endpoint = Endpoint(IPAddress(v4: 1), port: 1)
        let identity = SPIFFEID(trustDomain: "td", namespace: "shop", serviceAccount: "web")
        weak var last: ShownIdentity?
        let count = { (table: inout TrafficTable) in
            let shown = ShownIdentity(identity)
            last = shown
            var record = ConnectionRecord(.inbound, from: endpoint, to: endpoint, at: Instant(nanoseconds: 0))
            record.caller.proof = .shown(shown)
            table.series(for: record, at: record.started).opened(record, at: record.started)
        }
        count(&table)
        #expect(last != nil)
        table.releaseMemory(at: Instant(nanoseconds: 0), nil)
        #expect(last == nil)
        count(&table)
        #expect(table.counts().values.map(\.opened) == [2])
    }

    @Test func `a table that nobody asks forgets old traffic as it gives memory back, and no other`() {
        var table = TrafficTable()
        let endpoint = Endpoint(IPAddress(v4: 1), port: 1)
        let start = Instant(nanoseconds: 0)
        for number in 0...Limits.trafficSeriesCalmCount {
            let workload = Workload(uid: "\(number)", name: "\(number)", namespace: "shop", workloadName: "\(number)")
            var record = ConnectionRecord(.inbound, from: endpoint, to: endpoint, at: start)
            record.caller.workload = workload
            let series = table.series(for: record, at: start)
            series.opened(record, at: start)
            series.closed(.none, received: 1, sent: 1, at: start)
        }
        let (state, idle) = (MeshState(settings: MeshSettings(node: "n1")), Limits.trafficSeriesIdleDuration)
        table.releaseMemory(at: start + (idle - .milliseconds(1)), state)
        #expect(table.counts().count == Limits.trafficSeriesCalmCount + 1)
        table.releaseMemory(at: start + idle, state)
        #expect(table.counts().isEmpty)
    }
}
