public import Compiler
public import Manifests
import Schema

/// A pod of this node that belongs in the mesh, and what that takes.
public struct DesiredPod: Equatable, Sendable {
    public let pod: EnrolledPod
    /// Where its network namespace is found.
    public let namespacePath: String
    public let capture: CaptureOptions

    public init(pod: EnrolledPod, namespacePath: String, capture: CaptureOptions) {
        self.pod = pod
        self.namespacePath = namespacePath
        self.capture = capture
    }
}

/// What the manifests ask of the agent of one node.
public struct DesiredPods: Equatable, Sendable {
    /// The pods to be enrolled, by UID.
    public private(set) var enrolled: [String: DesiredPod] = [:]
    /// The UIDs of all pods of the node that live, enrolled or not.
    public private(set) var living: Set<String> = []
    /// What cannot be followed, for the log.
    public private(set) var remarks: [String] = []

    public init() {}

    /// Picks the node's pods out of a cluster's objects.
    public init(in objects: ManifestSet, node: String, settings: MeshSettings, capturesDNSByDefault: Bool) {
        for (name, pod) in objects.pods.sorted(by: { $0.key < $1.key }) {
            guard pod.nodeName == node, pod.phase != .succeeded, pod.phase != .failed else { continue }
            let uid = pod.metadata.uid.isEmpty ? name.description : pod.metadata.uid
            living.insert(uid)
            let namespace = objects.namespaces[name.namespace]
            guard EnrolmentRule.selects(pod, in: namespace, settings: settings) else { continue }
            guard let path = pod.metadata.annotations[EnrolmentRule.networkNamespaceAnnotation] else {
                remarks.append("\(name): annotation \(EnrolmentRule.networkNamespaceAnnotation) is missing")
                continue
            }
            var ignored: [String] = []
            let capture = CaptureOptions(
                annotations: pod.metadata.annotations, capturesDNSByDefault: capturesDNSByDefault, ignored: &ignored)
            remarks += ignored.map { "\(name): annotation means nothing: \($0)" }
            var info = WorkloadInfo()
            (info.name, info.namespace, info.serviceAccount) = (name.name, name.namespace, pod.serviceAccount)
            enrolled[uid] = DesiredPod(
                pod: EnrolledPod(uid: uid, info: info), namespacePath: path, capture: capture)
        }
    }
}
