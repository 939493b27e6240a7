/// The first packet of a node proxy on the enrolment socket (`istio.workload.zds`).
public struct ZdsHello: ProtobufMessage {
    public var version = ZdsVersion.absent

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "version", &version)
    }
}

/// A version of the enrolment protocol.
public struct ZdsVersion: ProtobufEnum {
    public static let names = ["NOT_USED", "V1"]
    public static let notUsed = ZdsVersion(rawValue: 0)
    public static let v1 = ZdsVersion(rawValue: 1)

    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// Whose pod is enrolled.
public struct WorkloadInfo: ProtobufMessage {
    public var name = ""
    public var namespace = ""
    public var serviceAccount = ""

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "name", &name)
        try visitor.field(2, "namespace", &namespace)
        try visitor.field(3, "serviceAccount", &serviceAccount)
    }
}

/// Serve this pod; its network namespace comes beside the packet.
public struct AddWorkload: ProtobufMessage {
    public var uid = ""
    public var workloadInfo: WorkloadInfo?

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "uid", &uid)
        try visitor.field(2, "workloadInfo", &workloadInfo)
    }
}

/// Go on with a pod that is known already.
public struct KeepWorkload: ProtobufMessage {
    public var uid = ""

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "uid", &uid)
    }
}

/// Stop serving this pod.
public struct DelWorkload: ProtobufMessage {
    public var uid = ""

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(2, "uid", &uid)
    }
}

/// Every pod of the node has been named.
public struct SnapshotSent: ProtobufMessage {
    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

/// A packet from the agent to the node proxy.
public struct WorkloadRequest: ProtobufMessage {
    /// Nil for a payload that this version does not know.
    public var payload: Payload?

    public init() {}
    public init(_ payload: Payload) { self.payload = payload }

    /// What is asked.
    public enum Payload: Hashable, Sendable {
        case add(AddWorkload)
        case del(DelWorkload)
        case snapshotSent
        case keep(KeepWorkload)
    }

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "add", &add)
        try visitor.field(2, "del", &del)
        try visitor.field(3, "snapshotSent", &snapshotSent)
        try visitor.field(5, "keep", &keep)
    }

    private var add: AddWorkload? {
        get { if case .add(let value) = payload { value } else { nil } }
        set { if let newValue { payload = .add(newValue) } }
    }
    private var del: DelWorkload? {
        get { if case .del(let value) = payload { value } else { nil } }
        set { if let newValue { payload = .del(newValue) } }
    }
    private var snapshotSent: SnapshotSent? {
        get { payload == .snapshotSent ? SnapshotSent() : nil }
        set { if newValue != nil { payload = .snapshotSent } }
    }
    private var keep: KeepWorkload? {
        get { if case .keep(let value) = payload { value } else { nil } }
        set { if let newValue { payload = .keep(newValue) } }
    }
}
