public import Identity
public import Primitives

/// Conditions on the attributes of a connection, all of which must hold. One without any condition matches nothing.
public struct PolicyMatch: Hashable, Sendable {
    /// A condition on one attribute: it must be one of `anyOf`, unless that is empty, and none of `noneOf`.
    public struct Condition<Element: Hashable & Sendable>: Hashable, Sendable {
        public var anyOf: [Element]
        public var noneOf: [Element]

        public init(anyOf: [Element] = [], noneOf: [Element] = []) {
            self.anyOf = anyOf
            self.noneOf = noneOf
        }

        /// Whether the condition asks for nothing.
        public var isEmpty: Bool { anyOf.isEmpty && noneOf.isEmpty }
    }

    /// The namespace of the peer's identity; the empty text for a peer without one.
    public var namespaces = Condition<StringMatch>()
    /// The peer's service account in any trust domain; a peer without identity has none.
    public var serviceAccounts = Condition<ServiceAccountName>()
    /// The peer's whole identity without its scheme; a peer without identity has none.
    public var principals = Condition<StringMatch>()
    /// The peer's IP address.
    public var sources = Condition<IPPrefix>()
    /// The IP address the connection goes to.
    public var destinations = Condition<IPPrefix>()
    /// The port the connection goes to, service ports resolved.
    public var destinationPorts = Condition<UInt16>()

    public init() {}

    /// Whether there is no condition at all.
    public var isEmpty: Bool {
        namespaces.isEmpty && serviceAccounts.isEmpty && principals.isEmpty && sources.isEmpty && destinations.isEmpty
            && destinationPorts.isEmpty
    }
}

/// A pattern for one text. There are no wildcards and no case folding.
public enum StringMatch: Hashable, Sendable {
    case exact(String)
    case prefix(String)
    case suffix(String)
    /// Any text but the empty one.
    case presence

    /// Whether the text fits.
    public func matches(_ text: String) -> Bool {
        switch self {
        case .exact(let value): text == value
        case .prefix(let value): text.utf8.starts(with: value.utf8)
        case .suffix(let value): text.utf8.reversed().starts(with: value.utf8.reversed())
        case .presence: !text.isEmpty
        }
    }
}
