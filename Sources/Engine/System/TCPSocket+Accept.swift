import CLinux
public import Primitives

/// A connection just accepted.
public struct AcceptedSocket: ~Copyable, Sendable {
    public let descriptor: OwnedDescriptor
    /// Who dialled.
    public let peer: Endpoint

    public init(descriptor: consuming OwnedDescriptor, peer: Endpoint) {
        self.descriptor = descriptor
        self.peer = peer
    }

    /// Parts with the descriptor.
    public consuming func take() -> OwnedDescriptor { descriptor }
}

extension TCPSocket {
    /// The next connection waiting on a listener, or nil. Connections that died in the queue are passed over.
    public static func accept(_ listener: borrowing OwnedDescriptor) throws(Errno) -> AcceptedSocket? {
        while true {
            var address = SocketAddress()
            let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            let raw = unsafe address.withMutablePointer { unsafe accept4(listener.raw, $0, &$1, flags) }
            if raw >= 0 {
                let descriptor = OwnedDescriptor(adopting: raw)
                guard let peer = address.endpoint else { continue }
                return AcceptedSocket(descriptor: descriptor, peer: peer)
            }
            switch culvert_errno() {
            case EAGAIN: return nil
            case EINTR, ECONNABORTED: continue
            // Network errors of the connection itself, which Linux passes on (accept(2)).
            case ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH: continue
            case let code: throw Errno(code)
            }
        }
    }

    /// Where the client meant to go before the pod's rules redirected it; nil when nothing redirected it.
    public static func originalDestination(of descriptor: borrowing OwnedDescriptor) -> Endpoint? {
        for level in [SOL_IP, Int32(IPPROTO_IPV6)] {
            var address = SocketAddress()
            let result = unsafe address.withMutablePointer {
                unsafe getsockopt(descriptor.raw, level, CULVERT_SO_ORIGINAL_DST, $0, &$1)
            }
            if result == 0, let endpoint = address.endpoint { return endpoint }
        }
        return nil
    }

    /// Our own end.
    public static func localEndpoint(of descriptor: borrowing OwnedDescriptor) -> Endpoint? {
        var address = SocketAddress()
        guard unsafe address.withMutablePointer({ unsafe getsockname(descriptor.raw, $0, &$1) }) == 0 else {
            return nil
        }
        return address.endpoint
    }
}
