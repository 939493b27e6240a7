import EventLoop
import Glibc
import Primitives
import Synchronization
import System

/// Looks a name up with getaddrinfo, which blocks, on a thread of its own.
///
/// `@unchecked`: the thread only carries the object; the completion is touched on the loop's thread alone.
final class HostLookup: @unchecked Sendable {
    private var completion: ((Result<[IPAddress], RPCStatus>) -> Void)?

    /// Starts the lookup; `completion` runs on the loop, unless cancelled before.
    init(_ name: String, loop: EventLoop, completion: @escaping (Result<[IPAddress], RPCStatus>) -> Void) {
        self.completion = completion
        let mailbox = loop.mailbox
        let hasThread = Thread.start(named: "lookup") { [self] in
            let outcome = Self.resolve(name)
            mailbox.post { _ in self.finish(outcome) }
        }
        if !hasThread {
            loop.after(.zero) {
                self.finish(.failure(RPCStatus(.unavailable, "no thread for a lookup", origin: .connect)))
            }
        }
    }

    func cancel() { completion = nil }

    private func finish(_ outcome: Result<[IPAddress], RPCStatus>) {
        let completion = completion
        self.completion = nil
        completion?(outcome)
    }

    private static func resolve(_ name: String) -> Result<[IPAddress], RPCStatus> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let outcome = unsafe getaddrinfo(name, nil, &hints, &list)
        guard outcome == 0 else {
            let reason = unsafe String(cString: gai_strerror(outcome))
            return .failure(RPCStatus(.unavailable, "lookup of \(name): \(reason)", origin: .connect))
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var next = unsafe list
        while let entry = unsafe next, addresses.count < Limits.rpcAddressCountMax {
            if let address = unsafe address(of: entry.pointee), !addresses.contains(address) {
                addresses.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        return addresses.isEmpty
            ? .failure(RPCStatus(.unavailable, "lookup of \(name): no address", origin: .connect)) : .success(addresses)
    }

    private static func address(of entry: addrinfo) -> IPAddress? {
        let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { room in
            let capacity = socklen_t(room.count)
            let outcome = unsafe getnameinfo(
                entry.ai_addr, entry.ai_addrlen, room.baseAddress, capacity, nil, 0, NI_NUMERICHOST)
            return outcome == 0 ? unsafe room.baseAddress.map { unsafe String(cString: $0) } : nil
        }
        return text.flatMap { IPAddress($0) }
    }
}
