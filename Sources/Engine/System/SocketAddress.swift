import CLinux
import Primitives

/// `Endpoint` as the kernel's structure. Sockets of family `.v6` take IPv4 endpoints in mapped form.
struct SocketAddress {
    var storage = sockaddr_storage()
    var length: socklen_t

    /// Room for the kernel to fill.
    init() { length = socklen_t(MemoryLayout<sockaddr_storage>.size) }

    init(_ endpoint: Endpoint, socketFamily: IPAddress.Family) {
        switch socketFamily {
        case .v4:
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = endpoint.port.bigEndian
            address.sin_addr.s_addr = UInt32(truncatingIfNeeded: endpoint.address.low).bigEndian
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: address, as: sockaddr_in.self) }
        case .v6:
            let mapped = endpoint.address.family == .v4
            let high = mapped ? 0 : endpoint.address.high
            let low = mapped ? endpoint.address.low | 0xffff_0000_0000 : endpoint.address.low
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = endpoint.port.bigEndian
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
                unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: address, as: sockaddr_in6.self) }
        }
    }

    /// The endpoint, mapped addresses as IPv4; nil for other families.
    var endpoint: Endpoint? {
        unsafe withUnsafeBytes(of: storage) { bytes in
            switch unsafe Int32(bytes.load(as: sa_family_t.self)) {
            case AF_INET:
                let address = unsafe bytes.load(as: sockaddr_in.self)
                return Endpoint(
                    IPAddress(v4: UInt32(bigEndian: address.sin_addr.s_addr)), port: UInt16(bigEndian: address.sin_port)
                )
            case AF_INET6:
                let address = unsafe bytes.load(as: sockaddr_in6.self)
                let port = UInt16(bigEndian: address.sin6_port)
                return unsafe withUnsafeBytes(of: address.sin6_addr) { parts in
                    let high = unsafe UInt64(bigEndian: parts.load(as: UInt64.self))
                    let low = unsafe UInt64(bigEndian: parts.load(fromByteOffset: 8, as: UInt64.self))
                    return Endpoint(IPAddress(v6High: high, low: low), port: port)
                }
            default: return nil
            }
        }
    }

    /// Lends the structure to a call that reads it.
    func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    /// Lends the structure to a call that fills it.
    mutating func withMutablePointer<R>(_ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> R) -> R {
        var filled = length
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, &filled) }
        }
        length = filled
        return result
    }
}
