import EventLoop
import Primitives
import System
import TLS

/// Two sockets, plaintext on one and TLS on the other.
final class BareRelay {
    private let relays: BareRelays
    private let tls: TLSConnection
    private let plain: BareSocket
    private let secure: BareSocket
    private var isClosed = false

    init(accepted: consuming OwnedDescriptor, connected: consuming OwnedDescriptor, relays: BareRelays) throws {
        self.relays = relays
        switch relays.role {
        case .client(let identity):
            tls = try TLSConnection(client: relays.context, expecting: [identity])
            plain = BareSocket(accepted, isConnected: true)
            secure = BareSocket(connected, isConnected: false)
        case .server:
            tls = try TLSConnection(server: relays.context)
            plain = BareSocket(connected, isConnected: false)
            secure = BareSocket(accepted, isConnected: true)
        }
        plain.relay = self
        secure.relay = self
        try plain.register(on: relays.loop)
        try secure.register(on: relays.loop)
    }

    var loop: EventLoop { relays.loop }

    func connected(_ socket: BareSocket) throws {
        guard socket === secure else { return }
        // Only a client dials its TLS side.
        try tls.start(ciphertext: &relays.ciphertext)
        try sendCiphertext()
    }

    /// Moves what `socket` has until it is drained or the other side is full; true if its share of the turn is used up.
    func read(_ socket: BareSocket) throws -> Bool {
        for _ in 0..<BareSocket.readsPerTurnMax {
            guard !isClosed, socket.isReadable, !socket.hasReadEnd else { return false }
            if socket === plain {
                guard tls.isEstablished, secure.pending.isEmpty else { return false }
                try readPlain()
            } else {
                guard plain.pending.isEmpty else { return false }
                try readSecure()
            }
        }
        return true
    }

    private func readPlain() throws {
        switch unsafe try plain.read(into: relays.piece) {
        case .bytes(let count):
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: relays.piece[..<count])
            try unsafe tls.send(bytes, ciphertext: &relays.ciphertext)
        case .endOfStream: tls.close(ciphertext: &relays.ciphertext)
        case .wouldBlock: return
        }
        try sendCiphertext()
        try finishIfEnded()
    }

    private func readSecure() throws {
        let wasEstablished = tls.isEstablished
        switch unsafe try secure.read(into: relays.piece) {
        case .bytes(let count):
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: relays.piece[..<count])
            try unsafe tls.receive(bytes, plaintext: &relays.plaintext, ciphertext: &relays.ciphertext)
        case .endOfStream: break
        case .wouldBlock: return
        }
        if tls.peerClosed { secure.hasReadEnd = true }
        if !relays.ciphertext.isEmpty { try sendCiphertext() }
        try unsafe plain.write(relays.plaintext.readable)
        relays.plaintext.reset()
        if !wasEstablished && tls.isEstablished { relays.loop.requestResume(plain) }
        try finishIfEnded()
    }

    private func sendCiphertext() throws {
        try unsafe secure.write(relays.ciphertext.readable)
        relays.ciphertext.reset()
    }

    /// A side whose bytes are all sent is finished once the other has ended.
    func finishIfEnded() throws {
        if plain.hasReadEnd && secure.pending.isEmpty { secure.finish() }
        if secure.hasReadEnd && plain.pending.isEmpty { plain.finish() }
        if plain.hasFinished && secure.hasFinished { close() }
    }

    /// Room on `socket`: what waited for it may go on.
    func drained(_ socket: BareSocket) throws {
        try finishIfEnded()
        let other = socket === plain ? secure : plain
        if other.isReadable { relays.loop.requestResume(other) }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        relays.plaintext.reset()
        relays.ciphertext.reset()
        plain.close(on: relays.loop)
        secure.close(on: relays.loop)
        relays.forget(self)
    }
}
