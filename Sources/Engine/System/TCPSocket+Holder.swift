import CLinux
public import Primitives

extension TCPSocket {
    /// Whether a process still holds the socket with these ends in the calling thread's network namespace. A program
    /// that has ended its own direction only holds it, one that has closed it does not, and both have sent the same
    /// FIN. Nil when there is no such socket, or the kernel does not tell.
    public static func isHeld(from local: Endpoint, to remote: Endpoint) -> Bool? {
        guard local.address.family == remote.address.family else { return nil }
        let family = local.address.family == .v4 ? AF_INET : AF_INET6
        let answer = unsafe bytes(of: local.address).withUnsafeBytes { own in
            unsafe bytes(of: remote.address).withUnsafeBytes { other in
                unsafe culvert_tcp_is_held(family, own.baseAddress, local.port, other.baseAddress, remote.port)
            }
        }
        return answer < 0 ? nil : answer > 0
    }

    private static func bytes(of address: IPAddress) -> [UInt8] {
        let words = address.family == .v4 ? [address.low << 32] : [address.high, address.low]
        let all = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
        return Array(all.prefix(address.family == .v4 ? 4 : 16))
    }

    /// Whether bytes wait to be read.
    public static func hasBytes(_ descriptor: borrowing OwnedDescriptor) -> Bool {
        var byte: UInt8 = 0
        return unsafe recv(descriptor.raw, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) > 0
    }
}
