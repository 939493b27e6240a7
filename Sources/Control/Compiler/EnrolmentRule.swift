public import Manifests

/// Which pods are enrolled in the mesh. Control plane and agents follow the same rule.
public enum EnrolmentRule {
    /// The label on a namespace or pod that enrols it, or takes it out.
    public static let modeLabel = "istio.io/dataplane-mode"
    /// Written by a cluster's agent once a pod's traffic is redirected.
    public static let redirectionAnnotation = "ambient.istio.io/redirection"
    /// Names the network namespace of a pod outside any cluster; its agent enrols it from there.
    public static let networkNamespaceAnnotation = "culvert.io/netns"

    /// Whether the pod is to be enrolled.
    public static func selects(_ pod: Pod, in namespace: Namespace?, settings: MeshSettings) -> Bool {
        let labels = pod.metadata.labels
        if pod.usesHostNetwork || pod.metadata.annotations["sidecar.istio.io/status"] != nil { return false }
        if settings.excludedNamespaces.contains(pod.metadata.name.namespace) { return false }
        if pod.metadata.name.namespace == settings.rootNamespace, labels["app"] == "ztunnel" { return false }
        switch labels[modeLabel] {
        case "ambient": return true
        case "none": return false
        default: return namespace?.metadata.labels[modeLabel] == "ambient"
        }
    }

    /// Whether the pod's traffic passes the node proxy: a cluster's agent has said so, or the pod is one that an
    /// agent without a cluster enrols, which has nobody to tell.
    public static func isRedirected(_ pod: Pod, in namespace: Namespace?, settings: MeshSettings) -> Bool {
        if pod.metadata.annotations[redirectionAnnotation] == "enabled" { return true }
        return pod.metadata.annotations[networkNamespaceAnnotation] != nil
            && selects(pod, in: namespace, settings: settings)
    }
}
