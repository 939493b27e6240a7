/// What of a pod's traffic is captured.
public struct CaptureOptions: Equatable, Sendable {
    /// Whether name lookups go to the node proxy.
    public var capturesDNS: Bool
    /// Whether plaintext that comes in goes to the node proxy; off for pods that are an ingress themselves.
    public var capturesInbound: Bool
    /// Interfaces inside the pod whose traffic counts as the pod's own (virtual machines, containers in containers).
    public var virtualInterfaces: [InterfaceName]

    public init(capturesDNS: Bool, capturesInbound: Bool = true, virtualInterfaces: [InterfaceName] = []) {
        self.capturesDNS = capturesDNS
        self.capturesInbound = capturesInbound
        self.virtualInterfaces = virtualInterfaces
    }

    /// The node's default, with what a pod's annotations change about it (istio-cni). Values that mean nothing change
    /// nothing and come back in `ignored`, as `annotation: value`.
    public init(annotations: [String: String], capturesDNSByDefault: Bool, ignored: inout [String]) {
        let flag = { (name: String, ignored: inout [String]) -> Bool? in
            guard let text = annotations[name] else { return nil }
            let value = Self.boolean(text)
            if value == nil { ignored.append("\(name): \(text)") }
            return value
        }
        capturesDNS = flag("ambient.istio.io/dns-capture", &ignored) ?? capturesDNSByDefault
        capturesInbound = !(flag("ambient.istio.io/bypass-inbound-capture", &ignored) ?? false)
        virtualInterfaces = []
        let list = "istio.io/reroute-virtual-interfaces"
        for item in (annotations[list] ?? "").split(separator: ",") {
            let text = String(item.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            guard let name = InterfaceName(text) else {
                ignored.append("\(list): \(text)")
                continue
            }
            if !virtualInterfaces.contains(name) { virtualInterfaces.append(name) }
        }
    }

    /// The spellings of Go's strconv.ParseBool, in which these annotations are written.
    private static func boolean(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "TRUE", "true", "True": true
        case "0", "f", "F", "FALSE", "false", "False": false
        default: nil
        }
    }
}
