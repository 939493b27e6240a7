import Primitives
import System
import Testing

@Suite struct TCPSocketTests {
    @Test(arguments: ["127.0.0.1:0", "[::1]:0"])
    func `a connection knows both of its ends`(text: String) throws {
        let listener = try TCPSocket.listen(on: #require(Endpoint(text)))
        let bound = TCPSocket.localEndpoint(of: listener)
        let address = try #require(bound)
        let client = try TCPSocket.connect(to: address)
        guard let accepted = try TCPSocket.accept(listener) else { throw Errno.again }
        let own = TCPSocket.localEndpoint(of: client)
        let failure = TCPSocket.pendingError(of: client)
        #expect(accepted.peer == own)
        #expect(failure == nil)
        if try TCPSocket.accept(listener) != nil { Issue.record("one connection was accepted twice") }
    }

    @Test func `a dual-stack listener shows IPv4 peers as IPv4`() throws {
        let listener = try TCPSocket.listen(on: #require(Endpoint("[::]:0")))
        let bound = TCPSocket.localEndpoint(of: listener)
        let client = try TCPSocket.connect(to: Endpoint(IPAddress(v4: 0x7f00_0001), port: #require(bound).port))
        guard let accepted = try TCPSocket.accept(listener) else { throw Errno.again }
        let own = TCPSocket.localEndpoint(of: client)
        #expect(accepted.peer.address.family == .v4)
        #expect(accepted.peer == own)
    }

    @Test func `who would be the first learns of a listener that shares its port, and shares it with the next`() throws
    {
        var sharing = TCPSocket.ListenOptions()
        sharing.reusePort = true
        sharing.reuseAddress = true
        var first = sharing
        first.isFirst = true
        let earlier = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")), options: sharing)
        let bound = TCPSocket.localEndpoint(of: earlier)
        let address = try #require(bound)
        #expect(throws: Errno.addressInUse) { _ = try TCPSocket.listen(on: address, options: first) }
        // What the earlier one leaves behind is in nobody's way: a connection that is open, and one in TIME_WAIT.
        let client = try TCPSocket.connect(to: address)
        guard let open = try TCPSocket.accept(earlier) else { throw Errno.again }
        let over = try TCPSocket.connect(to: address)
        if let accepted = try TCPSocket.accept(earlier) { _ = accepted.take() }
        _ = consume over
        _ = consume earlier
        let later = try TCPSocket.listen(on: address, options: first)
        let last = try TCPSocket.listen(on: address, options: sharing)
        for socket in [later.raw, last.raw, client.raw, open.descriptor.raw] { #expect(socket >= 0) }
    }

    @Test func `many connections that come at once wait until they are accepted`() throws {
        let listener = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")))
        let bound = TCPSocket.localEndpoint(of: listener)
        let address = try #require(bound)
        let count = 400
        // Closed at once: what each has opened stays in the queue.
        for _ in 0..<count { _ = try TCPSocket.connect(to: address) }
        var acceptedCount = 0
        while try TCPSocket.accept(listener) != nil { acceptedCount += 1 }
        #expect(acceptedCount == count)
    }

    @Test func `a refused connection says so`() throws {
        let listener = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")))
        let bound = TCPSocket.localEndpoint(of: listener)
        let address = try #require(bound)
        _ = consume listener
        do {
            let client = try TCPSocket.connect(to: address)
            let failure = TCPSocket.pendingError(of: client)
            #expect(failure == .connectionRefused)
        } catch {
            #expect(error == .connectionRefused)
        }
    }

    @Test(arguments: ["127.0.0.1:0", "[::1]:0", "[::]:0"])
    func `a closed socket is told from one that has ended its own direction`(text: String) throws {
        let listener = try TCPSocket.listen(on: #require(Endpoint(text)))
        let bound = TCPSocket.localEndpoint(of: listener)
        let port = try #require(bound).port
        let address = text.hasPrefix("[::1") ? IPAddress(v6High: 0, low: 1) : IPAddress(v4: 0x7f00_0001)
        let client = try TCPSocket.connect(to: Endpoint(address, port: port))
        guard let accepted = try TCPSocket.accept(listener) else { throw Errno.again }
        let (peer, remote) = (accepted.peer, Endpoint(address, port: port))
        #expect(TCPSocket.isHeld(from: peer, to: remote) == true)
        TCPSocket.shutdownWrite(of: client)
        #expect(TCPSocket.isHeld(from: peer, to: remote) == true)
        _ = consume client
        #expect(TCPSocket.isHeld(from: peer, to: remote) == false)
        #expect(TCPSocket.isHeld(from: peer, to: Endpoint(address, port: 1)) == nil)
        let socket = accepted.take()
        let hasBytes = TCPSocket.hasBytes(socket)
        #expect(!hasBytes)
    }

    /// What the kernel does with the sockets of a process that is killed.
    @Test(arguments: [false, true], [false, true])
    func `a socket that is let go of ends with a reset unless it was told to end in order`(
        isAccepted: Bool, isTold: Bool
    ) throws {
        var listening = TCPSocket.ListenOptions()
        listening.resetsOnClose = isAccepted
        var dialling = TCPSocket.ConnectOptions()
        dialling.resetsOnClose = !isAccepted
        let listener = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")), options: listening)
        let bound = TCPSocket.localEndpoint(of: listener)
        let dialled = try TCPSocket.connect(to: #require(bound), options: dialling)
        let connection = try TCPSocket.accept(listener)
        guard let accepted = connection?.take() else { throw Errno.again }
        let outcome = isAccepted ? read(dialled, after: accepted, isTold) : read(accepted, after: dialled, isTold)
        #expect(outcome == (isTold ? .success(.endOfStream) : .failure(.connectionReset)))
    }

    private func read(
        _ peer: borrowing OwnedDescriptor, after end: consuming OwnedDescriptor, _ isTold: Bool
    ) -> Result<IOOutcome, Errno> {
        if isTold { TCPSocket.finishOnClose(end) }
        _ = consume end
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { unsafe room.deallocate() }
        return Result { () throws(Errno) in try unsafe peer.read(into: room) }
    }
}
