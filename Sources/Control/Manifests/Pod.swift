public import Primitives
public import YAML

/// A Kubernetes Pod, as far as it matters here.
public struct Pod: Hashable, Sendable {
    /// Where a pod is in its life.
    public enum Phase: String, Hashable, Sendable {
        case pending = "Pending"
        case running = "Running"
        case succeeded = "Succeeded"
        case failed = "Failed"
        case unknown = "Unknown"
    }

    public var metadata: ObjectMetadata
    public var nodeName: String
    public var serviceAccount: String
    public var usesHostNetwork: Bool
    /// The named TCP ports of the containers, those that run beside them as sidecars last.
    public var namedPorts: [String: UInt16]
    /// Running when it is not said.
    public var phase: Phase
    public var addresses: [IPAddress]
    /// The condition `Ready`; nil when the object has no conditions at all.
    public var isReady: Bool?

    /// - Throws: with the line, for fields of another type and for values that mean nothing.
    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document)
        let spec = try document.member("spec") ?? YAMLValue(line: document.line, .mapping([]))
        nodeName = try spec.string(at: "nodeName") ?? ""
        let account = try spec.string(at: "serviceAccountName")
        serviceAccount = account.flatMap { $0.isEmpty ? nil : $0 } ?? "default"
        usesHostNetwork = try spec.bool(at: "hostNetwork") ?? false
        namedPorts = try Self.namedPorts(spec)
        let status = try document.member("status") ?? YAMLValue(line: document.line, .mapping([]))
        phase = try status.string(at: "phase").flatMap(Phase.init) ?? .running
        addresses = try Self.addresses(status)
        if let conditions = try status.member("conditions") {
            isReady = false
            for condition in try conditions.sequence() where try condition.string(at: "type") == "Ready" {
                isReady = try condition.string(at: "status") == "True"
            }
        }
    }

    private static func namedPorts(_ spec: YAMLValue) throws(YAMLError) -> [String: UInt16] {
        var containers = try spec.elements(at: "containers")
        for container in try spec.elements(at: "initContainers")
        where try container.string(at: "restartPolicy") == "Always" {
            containers.append(container)
        }
        var ports: [String: UInt16] = [:]
        for container in containers {
            for port in try container.elements(at: "ports") where try port.string(at: "protocol") ?? "TCP" == "TCP" {
                guard let name = try port.string(at: "name"), ports[name] == nil,
                    let number = try port.integer(at: "containerPort", in: 1...65535)
                else { continue }
                ports[name] = UInt16(number)
            }
        }
        return ports
    }

    private static func addresses(_ status: YAMLValue) throws(YAMLError) -> [IPAddress] {
        var texts: [(text: String, line: Int)] = []
        for entry in try status.elements(at: "podIPs") {
            if let text = try entry.string(at: "ip") { texts.append((text, entry.line)) }
        }
        if texts.isEmpty, let single = try status.member("podIP") {
            let text = try single.string()
            if !text.isEmpty { texts.append((text, single.line)) }
        }
        var addresses: [IPAddress] = []
        for (text, line) in texts {
            guard let address = IPAddress(text) else {
                throw YAMLError(line: line, reason: "\(text) is no IP address")
            }
            addresses.append(address)
        }
        return addresses
    }
}
