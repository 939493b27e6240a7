public import Primitives

/// The server's side of a SOCKS5 handshake (RFC 1928), without authentication and for CONNECT alone. It says how many
/// bytes it wants next, so that nothing is read of what follows it.
public struct SOCKSHandshake: Sendable {
    /// Where the client wants to go.
    public enum Target: Hashable, Sendable {
        case endpoint(Endpoint)
        case name(String, port: UInt16)
    }

    /// What the bytes come to.
    public enum Outcome: Hashable, Sendable {
        /// More is wanted, after this is sent.
        case more(reply: [UInt8])
        case target(Target)
        /// It ends with this.
        case refused(reply: [UInt8])
    }

    /// How a request was answered; the others of RFC 1928 are not used.
    public enum Code: UInt8, Sendable {
        case succeeded = 0
        case generalFailure = 1
        /// By a policy.
        case notAllowed = 2
        case networkUnreachable = 3
        case hostUnreachable = 4
        case connectionRefused = 5
        /// Also said to whatever is no handshake.
        case commandNotSupported = 7
    }

    private enum State {
        case greeting
        case methods
        case request
        case nameLength
        case address(AddressType)
        case done
    }

    private enum AddressType {
        case v4
        case name
        case v6
    }

    private static let version: UInt8 = 5
    private var state = State.greeting
    /// How many bytes `take` wants; at most 257.
    public private(set) var byteCountWanted = 2

    public init() {}

    /// The answer to a request. The address in it means nothing.
    public static func reply(_ code: Code) -> [UInt8] { [version, code.rawValue, 0, 1, 0, 0, 0, 0, 0, 0] }

    /// Takes the next `byteCountWanted` bytes.
    public mutating func take(_ bytes: [UInt8]) -> Outcome {
        guard bytes.count == byteCountWanted, let outcome = next(bytes) else {
            state = .done
            byteCountWanted = 0
            return .refused(reply: Self.reply(.commandNotSupported))
        }
        return outcome
    }

    private mutating func next(_ bytes: [UInt8]) -> Outcome? {
        switch state {
        case .greeting:
            guard bytes[0] == Self.version, bytes[1] > 0 else { return nil }
            return want(Int(bytes[1]), .methods)
        case .methods:
            guard bytes.contains(0) else { return nil }
            _ = want(4, .request)
            return .more(reply: [Self.version, 0])
        case .request:
            guard bytes[0] == Self.version, bytes[1] == 1 else { return nil }
            switch bytes[3] {
            case 1: return want(4 + 2, .address(.v4))
            case 3: return want(1, .nameLength)
            case 4: return want(16 + 2, .address(.v6))
            default: return nil
            }
        case .nameLength:
            guard bytes[0] > 0 else { return nil }
            return want(Int(bytes[0]) + 2, .address(.name))
        case .address(let type):
            state = .done
            byteCountWanted = 0
            return Self.target(type, bytes).map { .target($0) }
        case .done: return nil
        }
    }

    private mutating func want(_ byteCount: Int, _ state: State) -> Outcome {
        self.state = state
        byteCountWanted = byteCount
        return .more(reply: [])
    }

    private static func target(_ type: AddressType, _ bytes: [UInt8]) -> Target? {
        let port = UInt16(bytes[bytes.count - 2]) << 8 | UInt16(bytes[bytes.count - 1])
        let host = bytes.dropLast(2)
        switch type {
        case .v4, .v6: return IPAddress(bytes: host).map { .endpoint(Endpoint($0, port: port)) }
        case .name: return String(validating: host, as: UTF8.self).map { .name($0, port: port) }
        }
    }
}
