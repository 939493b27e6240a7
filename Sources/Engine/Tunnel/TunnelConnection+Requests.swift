import EventLoop
import HTTP2
import Primitives

/// Requests of peers, a bounded number of which are decided in one turn, and our own that are withdrawn.
extension TunnelConnection {
    func requested(_ stream: TunnelStream, head: [HTTPField]) {
        switch requests.take(stream, head, of: &buffers.turn, on: loop) {
        case .now: decide(stream, head)
        case .later: requestResume()
        case .never:
            session?.with { $0.charge(.refusedRequests) }
            stream.abort("too many requests wait", .refusedStream)
        }
    }

    /// Those whose turn it is.
    func decideWaiting() {
        guard !requests.isEmpty else { return }
        while let (stream, head) = requests.popNext(of: &buffers.turn, on: loop) { decide(stream, head) }
        if !requests.isEmpty { requestResume() }
    }

    private func decide(_ stream: TunnelStream, _ head: [HTTPField]) {
        guard let owner else { return stream.refuse([HTTPField(":status", "503")]) }
        owner.tunnelRequested(self, stream, head: head)
    }

    /// Client: a request is to be withdrawn before its answer. Once more than the peer bears, and all streams of the
    /// tunnel would end.
    func mayWithdraw() -> Bool { withdrawals.take(at: loop.now) }
}
