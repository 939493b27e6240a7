import Primitives
import System
import Testing

/// The node's pages, asked by curl.
@Suite(.serialized) struct NodePagesTests {
    private final class Node {
        private let place: Place
        private let process: ChildProcess

        init() throws {
            place = try Place()
            process = try place.start(
                [program("culvert-node")],
                [
                    "XDS_ADDRESS=", "CA_ADDRESS=", "INPOD_UDS=/nowhere/zds.sock", "ISTIO_META_ISTIO_VERSION=1.2.3",
                    "XDS_HEADER_secret=sesame",
                ])
            let isUp = try eventually { try curl("http://127.0.0.1:15021/healthz/ready").hasPrefix("not ready") }
            try #require(isUp, "\(place.text("log"))")
        }

        func curl(_ arguments: String...) throws -> String {
            try place.run(["curl", "-s", "--max-time", "10"] + arguments)
        }

        /// The status and the body of an answer.
        func answer(_ arguments: String...) throws -> (status: String, body: String) {
            let text = try place.run(["curl", "-s", "--max-time", "10", "-w", "\n%{http_code}"] + arguments)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
        }

        func endsInOrder() throws -> Bool { try process.wait(atMost: .seconds(10)) == .exited(0) }
    }

    @Test func `metrics are served on both paths, labelled as asked`() throws {
        let node = try Node()
        for path in ["metrics", "stats/prometheus"] {
            let page = try node.curl("http://127.0.0.1:15020/\(path)")
            let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
            let parsed = try ChildProcess.run(["\(repository)/Tests/peers/metrics"], input: Array(page.utf8))
            let text = String(decoding: parsed.output, as: UTF8.self)
            #expect(parsed.status == .exited(0), "\(String(decoding: parsed.errors, as: UTF8.self))")
            for line in [
                "gauge\tistio_build\t1\tcomponent=ztunnel\ttag=1.2.3\n", "gauge\tculvert_mesh_ready\t1\n",
                "gauge\tprocess_open_fds\t", "gauge\tprocess_max_fds\t",
                "histogram\tculvert_mesh_adoption_seconds_bucket\t",
            ] {
                #expect(text.contains(line), "\(text)")
            }
        }
        func type(_ accepted: String) throws -> String {
            try node.curl(
                "-H", "Accept: \(accepted)", "-o", "/dev/null", "-w", "%{content_type}",
                "http://127.0.0.1:15020/metrics")
        }
        #expect(try type("text/plain") == "text/plain; charset=utf-8")
        #expect(
            try type("application/openmetrics-text;version=1.0.0,*/*;q=0.1")
                == "application/openmetrics-text;charset=utf-8;version=1.0.0")
        #expect(try node.answer("http://127.0.0.1:15020/").status == "404")
    }

    @Test func `levels of the log are told, changed and put back`() throws {
        let node = try Node()
        let url = "http://127.0.0.1:15000/logging"
        #expect(try node.answer(url).status == "405")
        func post(_ query: String) throws -> String { try node.curl("-X", "POST", url + query) }
        #expect(try post("") == "current log level is info\n")
        #expect(try post("?level=debug") == "current log level is debug\n")
        #expect(try post("?level=ztunnel::xds=trace,warn") == "current log level is xds=trace,warn\n")
        #expect(try node.answer("-X", "POST", "\(url)?level=nonsense").status == "400")
        #expect(try post("?reset&level=access=off") == "current log level is access=off,info\n")
        #expect(try post("?reset") == "current log level is info\n")
    }

    @Test func `the dump, profiles and the end answer as ztunnel's do`() throws {
        let node = try Node()
        let admin = "http://127.0.0.1:15000"
        let dump = try node.answer("\(admin)/config_dump")
        #expect(dump.status == "200" && dump.body.contains("\"istioVersion\": \"1.2.3\""))
        #expect(!dump.body.contains("sesame"))
        #expect(try node.answer("\(admin)/nope").status == "404")
        #expect(try node.answer("\(admin)/").body.contains("href=\"config_dump\""))
        for (path, status) in [
            ("profile?seconds=1", "501"), ("profile?seconds=301", "400"), ("profile?frequency=0", "400"),
            ("heap", "501"), ("heap/profiling", "200"), ("heap/profiling?activate=maybe", "400"),
        ] {
            #expect(try node.answer("\(admin)/debug/pprof/\(path)").status == status, "\(path)")
        }
        #expect(try node.answer("\(admin)/quitquitquit").status == "405")
        let goodbye = try node.answer("-X", "POST", "\(admin)/quitquitquit")
        #expect(goodbye.status == "200" && goodbye.body == "shutdown now\n")
        #expect(try node.endsInOrder())
    }
}
