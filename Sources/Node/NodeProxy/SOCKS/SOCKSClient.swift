import Primitives
import System
import Tunnel
import Wire

/// A client that has said by SOCKS where it wants to go, and waits for its answer.
struct SOCKSClient: Sendable {
    /// What else its destination's name leads to.
    private var further: ArraySlice<IPAddress>
    /// What it is told if there is no connection.
    private(set) var code = SOCKSHandshake.Code.hostUnreachable

    /// - Parameter further: addresses to be tried, one after the other, when there is no connection to the first.
    init(trying further: ArraySlice<IPAddress>) { self.further = further.prefix(Limits.connectAttemptCountMax - 1) }

    /// The peer's node answered with this status.
    mutating func note(_ status: Int) { code = status == 401 ? .notAllowed : .connectionRefused }

    /// A plain dial failed.
    mutating func note(_ failure: Errno) {
        code =
            switch failure {
            case .connectionRefused: .connectionRefused
            case .networkUnreachable: .networkUnreachable
            default: .hostUnreachable
            }
    }

    /// The next address to be tried, unless a policy has spoken.
    mutating func next() -> IPAddress? { code == .notAllowed ? nil : further.popFirst() }
}

/// What becomes of SOCKS clients; applications whose connections were captured know without words.
extension OutboundConnection {
    /// Tells the client that it is connected, before any byte is relayed.
    func greet() {
        client = nil
        let reply = SOCKSHandshake.reply(.succeeded)
        stream?.greet(reply)
        relay?.greet(reply)
    }

    /// Lets go of an application whose connection could not be made.
    func turnAway(_ socket: consuming OwnedDescriptor) {
        guard var client, !pod.isStopped else { return TCPSocket.resetOnClose(socket) }
        if let address = client.next() {
            let destination = Endpoint(address, port: asked.port)
            OutboundConnection.begin(socket, from: record.source, to: destination, pod, answering: client)
        } else {
            // A reply is a few bytes on a connection that has none waiting: the kernel takes it whole.
            _ = try? socket.write(SOCKSHandshake.reply(client.code)[...])
            TCPSocket.finishOnClose(socket)
        }
    }
}
