import EventLoop
import Identity
import Primitives
import System
import TLS

/// Accepts connections and joins each to one peer, TLS on one side: our event loop and our TLS with no HTTP/2 and no
/// policy. What a tunnel costs beyond this is the price of what it does beyond this.
@safe final class BareRelays {
    enum Role {
        /// Plaintext in, TLS out to a peer that is who it should be.
        case client(expecting: SPIFFEID)
        /// TLS in, plaintext out.
        case server
    }

    static let pieceByteCount = 256 * 1024

    let role: Role
    let loop: EventLoop
    let context: TLSContext
    /// Where all relays read to.
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceByteCount, alignment: 4096)
    /// Where all relays decrypt and encrypt to; empty between turns.
    var plaintext = ByteQueue()
    var ciphertext = ByteQueue()
    private let peer: Endpoint
    private var listener: Listener?
    private var relays: [ObjectIdentifier: BareRelay] = [:]

    init(_ role: Role, on endpoint: Endpoint, to peer: Endpoint, credentials: TLSCredentials, loop: EventLoop) throws {
        self.role = role
        self.loop = loop
        self.peer = peer
        context =
            switch role {
            case .client: try TLSContext.workloadClient(credentials, options: .benchmark)
            case .server: try TLSContext.workloadServer(credentials, options: .benchmark)
            }
        listener = try Listener(endpoint, loop: loop) { [unowned self] accepted in
            do {
                let relay = try BareRelay(
                    accepted: accepted, connected: try TCPSocket.connect(to: self.peer), relays: self)
                self.relays[ObjectIdentifier(relay)] = relay
            } catch {
                // The connection is closed; its client sees that.
            }
        }
    }

    func forget(_ relay: BareRelay) { relays[ObjectIdentifier(relay)] = nil }
}

extension TLSOptions {
    /// One suite for all contenders.
    static var benchmark: TLSOptions {
        var options = TLSOptions()
        options.cipherSuites = [.aes128GCM]
        return options
    }
}
