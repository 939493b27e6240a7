/// Which port of an endpoint serves each port of a service. Compact, as every workload has some.
public struct PortMap: Hashable, Sendable {
    /// A port of the service, and the one it leads to; 0 where each endpoint says so itself.
    public struct Pair: Hashable, Sendable {
        public let service: UInt16
        public let target: UInt16
    }

    /// In the order of the service's ports.
    public private(set) var pairs: [Pair] = []

    public init() {}

    public var isEmpty: Bool { pairs.isEmpty }

    /// The target of a service port; setting it again replaces it.
    public subscript(service: UInt16) -> UInt16? {
        get { pairs.first { $0.service == service }?.target }
        set {
            pairs.removeAll { $0.service == service }
            guard let newValue else { return }
            let index = pairs.firstIndex { $0.service > service } ?? pairs.endIndex
            pairs.insert(Pair(service: service, target: newValue), at: index)
        }
    }

    /// Whether any service port leads to `target`.
    public func leads(to target: UInt16) -> Bool { pairs.contains { $0.target == target } }
}

extension PortMap: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (UInt16, UInt16)...) {
        for (service, target) in elements { self[service] = target }
    }
}
