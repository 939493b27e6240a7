import System
import Testing

extension World {
    /// Gives another program the certificate of an account, beside the root in the control plane's folder.
    func issue(_ account: String) {
        istiod.tell("issue", "\"name\": \"\(account)\", \"identity\": \"spiffe://cluster.local/ns/shop/sa/\(account)\"")
    }

    /// What a pod's application gets back of 1 MiB that it sends to one that sends back everything, and then ends:
    /// "whole" when it is that and then the end.
    func exchange(_ address: String, _ port: Int = 80) throws -> String {
        let script = """
            import os, socket, threading
            c = socket.create_connection(("\(address)", \(port)), 8); c.settimeout(8)
            data, back = os.urandom(1 << 20), b""
            def send(): c.sendall(data); c.shutdown(socket.SHUT_WR)
            sender = threading.Thread(target=send); sender.start()
            while piece := c.recv(1 << 16): back += piece
            sender.join(); print("whole" if back == data else f"{len(back)} bytes")
            """
        return try run(python: script)
    }

    /// What becomes of CONNECT requests that hyper-h2 sends as `stranger` on one connection: the status, and what comes
    /// back when an application is sent `hello`.
    ///
    /// - Parameter through: what the gateway at the address is asked for first; what else is asked is within.
    func ask(_ authorities: [String], of address: String, through: String? = nil) throws -> [String] {
        issue("stranger")
        let requests = authorities.map { authority in
            """
            {"fields": [[":method", "CONNECT"], [":authority", "\(authority)"]], "data": "hello",
            "end": true, "wait": 8}
            """
        }
        let script = "\(Istiod.Checkout.repository)/Tests/peers/hbone"
        let words = ["client", address, "15008", istiod.folder, "stranger", "[\(requests.joined(separator: ","))]"]
        let result = try ChildProcess.run(
            ["ip", "netns", "exec", "\(prefix)-stranger", Istiod.Checkout.python, script] + words
                + (through.map { [$0] } ?? []), limit: .seconds(30))
        let lines = String(decoding: result.output, as: UTF8.self).split(separator: "\n")
        let answers = lines.filter { $0.contains("\"answer\"") }.map { line in
            "\(Self.value(of: "status", in: line)) \(Self.value(of: "data", in: line))"
        }
        #expect(answers.count == authorities.count, "\(lines) \(String(decoding: result.errors, as: UTF8.self))")
        return answers
    }

    private static func value(of name: String, in line: Substring) -> Substring {
        guard let range = line.firstRange(of: "\"\(name)\": ") else { return "" }
        return line[range.upperBound...].drop { $0 == "\"" }.prefix { $0 != "\"" && $0 != "," }
    }
}
