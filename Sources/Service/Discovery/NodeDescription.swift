public import Schema

/// Who a node proxy says it is.
public enum NodeDescription {
    /// The node of a proxy on `nodeName` that runs in the pod `podName` with the address `address`.
    ///
    /// - Parameter metadata: What the environment adds; it may replace the fixed entries.
    public static func node(
        address: String, podName: String, podNamespace: String, nodeName: String, metadata: [String: Value] = [:]
    ) -> Node {
        var fields: [String: Value] = [
            "NAME": Value(podName), "NAMESPACE": Value(podNamespace), "INSTANCE_IPS": Value(address),
            "NODE_NAME": Value(nodeName),
        ]
        fields.merge(metadata) { _, new in new }
        var node = Node()
        let id = address.isEmpty ? "1.1.1.1" : address
        node.id = "ztunnel~\(id)~\(podName).\(podNamespace)~\(podNamespace).svc.cluster.local"
        node.metadata = Struct(fields)
        return node
    }
}
