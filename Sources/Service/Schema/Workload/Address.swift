/// A workload or a service: the resource type `istio.workload.Address`.
public struct Address: ProtobufMessage {
    /// Nil for a kind that this version does not know.
    public var kind: Kind?

    public init() {}
    public init(_ kind: Kind) { self.kind = kind }

    /// Which of the two it is.
    public enum Kind: Hashable, Sendable {
        case workload(Workload)
        case service(Service)
    }

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "workload", &workload)
        try visitor.field(2, "service", &service)
    }

    private var workload: Workload? {
        get { if case .workload(let value) = kind { value } else { nil } }
        set { if let newValue { kind = .workload(newValue) } }
    }
    private var service: Service? {
        get { if case .service(let value) = kind { value } else { nil } }
        set { if let newValue { kind = .service(newValue) } }
    }
}
