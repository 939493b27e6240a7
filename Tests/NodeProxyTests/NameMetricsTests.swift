import Glibc
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

@Suite(.serialized) struct NameMetricsTests {
    @Test func `questions for names, lookups and pods are counted as ztunnel counts them`() throws {
        let file = try ResolverFile("nameserver 10.77.0.3", "options timeout:1 attempts:0")
        let node = try TestNode(enrolling: ["web"], others: ["dns"], configuration: file.configuration)
        try node.web.captureNames()
        let server = try NameServer(on: ["10.77.0.3"], in: node.pod("dns").namespace)
        node.publish { state in
            let service = NameFixture.service("db", ["10.96.1.1"])
            state.insert(service)
            state.insert(NameFixture.endpoint("db", of: service, addresses: [], hostname: "silent.example.com"))
        }
        usleep(100_000)
        #expect(try node.web.dig("+short", "db.shop.svc.cluster.local") == "10.96.1.1\n")
        _ = try node.web.dig("www.example.com", "+tcp")
        _ = try node.web.dig("silent.example.com", "TYPE4711")
        let client = try node.web.connect(Endpoint(IPAddress(v4: 0x0a60_0101), port: 80))
        _ = try? read(client)
        #expect(server.questionCount("www.example.com") == 1)
        let page = try node.scrape()
        let web: [Substring: Substring] = ["source_canonical_service": "web", "source_canonical_revision": "unknown"]
        func sum(_ name: String, _ type: Substring, _ transport: Substring) -> Double {
            page.sum(name, ["request_query_type": type, "request_protocol": transport].merging(web) { $1 })
        }
        #expect(sum("istio_dns_requests_total", "a", "udp") == 1 && sum("istio_dns_requests_total", "a", "tcp") == 1)
        #expect(sum("istio_dns_upstream_requests_total", "a", "udp") == 0)
        #expect(sum("istio_dns_upstream_requests_total", "a", "tcp") == 1)
        #expect(sum("istio_dns_upstream_failures_total", "a", "tcp") == 0)
        #expect(sum("istio_dns_upstream_failures_total", "other", "udp") == 1)
        #expect(sum("istio_dns_upstream_request_duration_seconds_count", "a", "tcp") == 1)
        let slow = page.all(
            "istio_dns_upstream_request_duration_seconds_bucket", ["request_query_type": "other", "le": "0.1"])
        #expect(slow.map(\.value) == [0])
        let lookup = try #require(page.all("istio_on_demand_dns_total").first)
        #expect(lookup.value == 1 && lookup.labels["hostname"] == "silent.example.com")
        #expect(lookup.labels["source_principal"] == "spiffe://cluster.local/ns/shop/sa/web")
        #expect(lookup.labels.count == 9)
        #expect(page.sum("workload_manager_active_proxy_count") == 1)
        #expect(page.sum("workload_manager_proxies_started_total") == 1)
        #expect(page.sum("culvert_mesh_resources", ["kind": "service"]) == 1)
        try node.unenrol(node.web)
        let after = try node.scrape()
        #expect(after.sum("workload_manager_active_proxy_count") == 0)
        #expect(after.sum("workload_manager_proxies_stopped_total") == 1)
    }
}
