public import Schema

/// A pod as the node proxy knows it.
public struct EnrolledPod: Equatable, Sendable {
    /// Names this pod and no later one of the same name.
    public let uid: String
    public let info: WorkloadInfo

    public init(uid: String, info: WorkloadInfo) {
        self.uid = uid
        self.info = info
    }

    /// `namespace/name`.
    public var name: String { "\(info.namespace)/\(info.name)" }

    /// The request to serve the pod.
    var addition: WorkloadRequest.Payload {
        var request = AddWorkload()
        request.uid = uid
        request.workloadInfo = info
        return .add(request)
    }

    /// The request to go on serving it.
    var retention: WorkloadRequest.Payload {
        var request = KeepWorkload()
        request.uid = uid
        return .keep(request)
    }
}
