import Primitives
import System

/// Asks programs in other network namespaces whether they are ready.
struct ReadinessProbe {
    let namespace: NetworkNamespace
    let endpoint: Endpoint
    /// The path that has to be answered with 200; nil if being connected is enough.
    var path: String?

    /// Asks until the answer is yes; false when it is not in time, or `isHopeless` says that it never will be.
    func wait(atMost limit: Duration, unless isHopeless: () -> Bool) -> Bool {
        let deadline = MonotonicClock.now() + limit
        while MonotonicClock.now() < deadline, !isHopeless() {
            if (try? ask(until: min(deadline, MonotonicClock.now() + .seconds(2)))) ?? false { return true }
            Processes.pause(.milliseconds(25))
        }
        return false
    }

    private func ask(until deadline: Instant) throws -> Bool {
        let target = endpoint
        let socket = try namespace.perform { () throws(Errno) in try TCPSocket.connect(to: target) }
        // Without a path nothing is said, yet even nothing can be sent only once the connection is there.
        let request = path.map { Array("GET \($0) HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n".utf8) } ?? []
        while case .wouldBlock = try unsafe request.withUnsafeBytes({ try unsafe socket.write($0) }) {
            guard MonotonicClock.now() < deadline else { return false }
            Processes.pause(.milliseconds(5))
        }
        if path == nil { return true }
        var answer = [UInt8](repeating: 0, count: 256)
        while MonotonicClock.now() < deadline {
            switch try unsafe answer.withUnsafeMutableBytes({ try unsafe socket.read(into: $0) }) {
            case .bytes(let count):
                return String(decoding: answer.prefix(count), as: UTF8.self).hasPrefix("HTTP/1.1 200")
            case .endOfStream: return false
            case .wouldBlock: Processes.pause(.milliseconds(5))
            }
        }
        return false
    }
}
