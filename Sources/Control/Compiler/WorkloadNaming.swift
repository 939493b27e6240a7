import Manifests

/// The names under which a pod appears in telemetry.
enum WorkloadNaming {
    /// Goes before everything else that a workload could be named for.
    static let nameLabel = "service.istio.io/workload-name"

    /// The name of what keeps the pod running: its Deployment, CronJob or other controller, else the pod itself.
    static func workloadName(of pod: Pod) -> String {
        let labels = pod.metadata.labels
        if let name = labels[nameLabel] { return name }
        // Pods that were named by hand are not named after their owner.
        guard pod.metadata.hasGeneratedName, let controller = pod.metadata.controller else {
            return pod.metadata.name.name
        }
        switch controller.kind {
        case "ReplicaSet":
            for label in ["pod-template-hash", "rollouts-pod-template-hash"] {
                if let hash = labels[label], !hash.isEmpty, controller.name.hasSuffix("-\(hash)") {
                    return String(controller.name.dropLast(hash.count + 1))
                }
            }
        case "ReplicationController":
            if let name = labels["deploymentconfig"], controller.name.hasPrefix("\(name)-"),
                isNumber(controller.name.dropFirst(name.count + 1), digits: 1...20)
            {
                return name
            }
        case "Job":
            if let dash = controller.name.lastIndex(of: "-"), dash != controller.name.startIndex,
                isNumber(controller.name[controller.name.index(after: dash)...], digits: 8...10)
            {
                return String(controller.name[..<dash])
            }
        default: break
        }
        return controller.name
    }

    /// Nil when no label says; an empty label counts.
    static func canonicalName(_ labels: [String: String]) -> String? {
        labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels["app"]
    }

    static func canonicalRevision(_ labels: [String: String]) -> String {
        labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels["version"]
            ?? "latest"
    }

    private static func isNumber(_ text: Substring, digits: ClosedRange<Int>) -> Bool {
        digits.contains(text.count) && text.allSatisfy { ("0"..."9").contains($0) }
    }
}
