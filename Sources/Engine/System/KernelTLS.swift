import CLinux
import Primitives

/// TLS made and read by the kernel, on a connected TCP socket (networking/tls.rst of Linux). Once both directions have
/// keys, reads and writes of the descriptor are data. A read that meets a record of another kind fails with `record`.
public enum KernelTLS {
    /// What the bytes are on their way to.
    public enum Direction: Sendable { case sending, receiving }

    /// The error of a read at a record that is not data; `receive` takes it.
    public static let record = Errno(EIO)

    /// Whether the kernel has TLS and can replace its keys (Linux 6.14), tried out on a connection over loopback.
    /// - Throws: why not; `noEntry` where it has no TLS at all, `busy` where it cannot replace keys.
    public static func probe() throws(Errno) {
        let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        guard let endpoint = TCPSocket.localEndpoint(of: listener) else { throw .current }
        let socket = try TCPSocket.connect(to: endpoint)
        var watched = pollfd(fd: socket.raw, events: Int16(POLLOUT), revents: 0)
        guard unsafe poll(&watched, 1, probeMilliseconds) > 0 else { throw .timedOut }
        try attach(to: socket)
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 1)
        defer { unsafe zeros.deallocate() }
        unsafe zeros.initializeMemory(as: UInt8.self, repeating: 0)
        let key = UnsafeRawBufferPointer(zeros)
        for direction in [Direction.sending, .receiving, .sending] {
            try unsafe setKeys(direction, key: key, iv: UnsafeRawBufferPointer(rebasing: key[..<12]), of: socket)
        }
    }

    /// Lets the kernel's TLS sit on a socket. Until a direction has keys, its bytes pass as they are.
    /// - Throws: if the kernel has no TLS, or the socket is no open TCP connection. Nothing has changed then.
    public static func attach(to socket: borrowing OwnedDescriptor) throws(Errno) {
        guard culvert_tls_attach(socket.raw) == 0 else { throw Errno.current }
    }

    /// Gives one direction its keys (AES-GCM, TLS 1.3), the first ones or those after a key update. Records are counted
    /// from 0.
    /// - Parameters:
    ///   - key: 16 or 32 bytes.
    ///   - iv: 12 bytes.
    public static func setKeys(
        _ direction: Direction, key: UnsafeRawBufferPointer, iv: UnsafeRawBufferPointer,
        of socket: borrowing OwnedDescriptor
    ) throws(Errno) {
        precondition(iv.count == 12)
        let option = direction == .sending ? TLS_TX : TLS_RX
        guard unsafe culvert_tls_set_key(socket.raw, option, key.baseAddress, key.count, iv.baseAddress) == 0 else {
            throw Errno.current
        }
    }

    /// Sends one record that is not data.
    /// - Returns: false if the kernel does not take it now.
    public static func send(
        type: UInt8, _ payload: [UInt8], on socket: borrowing OwnedDescriptor
    ) throws(Errno) -> Bool {
        while true {
            if unsafe culvert_tls_send(socket.raw, type, payload, payload.count) >= 0 { return true }
            switch culvert_errno() {
            case EINTR: continue
            case EAGAIN: return false
            case let code: throw Errno(code)
            }
        }
    }

    /// Receives one record that is not data.
    /// - Returns: its content type and its payload; nil if none is there.
    public static func receive(from socket: borrowing OwnedDescriptor) throws(Errno) -> (type: UInt8, [UInt8])? {
        var payload = [UInt8](repeating: 0, count: recordByteCountMax)
        while true {
            var type: Int32 = -1
            let count = unsafe culvert_tls_receive(socket.raw, &payload, payload.count, &type)
            if count >= 0 { return UInt8(exactly: type).map { ($0, Array(payload[..<count])) } }
            switch culvert_errno() {
            case EINTR: continue
            case EAGAIN: return nil
            case let code: throw Errno(code)
            }
        }
    }

    private static let recordByteCountMax = 16_384
    private static let probeMilliseconds: Int32 = 1_000
}
