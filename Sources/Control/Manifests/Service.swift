public import Primitives
public import YAML

/// A Kubernetes Service, as far as it matters here.
public struct Service: Hashable, Sendable {
    /// The port of the endpoints: a number, or the name of a container port.
    public enum TargetPort: Hashable, Sendable {
        case number(UInt16)
        case name(String)
    }

    /// A port of the Service.
    public struct Port: Hashable, Sendable {
        public var name: String
        public var number: UInt16
        public var target: TargetPort
        /// `TCP`, `UDP` or `SCTP`.
        public var transport: String
        public var appProtocol: String?
    }

    /// A family of its addresses.
    public enum AddressFamily: String, Hashable, Sendable {
        case v4 = "IPv4"
        case v6 = "IPv6"
    }

    public var metadata: ObjectMetadata
    public var isExternalName: Bool
    /// Empty when the Service selects no pods itself.
    public var selector: [String: String]
    /// None for a headless Service.
    public var addresses: [IPAddress]
    public var families: [AddressFamily]
    public var ports: [Port]
    public var publishesNotReadyAddresses: Bool
    public var isNodeLocal: Bool
    public var trafficDistribution: String?

    /// - Throws: with the line, for fields of another type and for values that mean nothing.
    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document)
        let spec = try document.member("spec") ?? YAMLValue(line: document.line, .mapping([]))
        isExternalName = try spec.string(at: "type") == "ExternalName"
        selector = try spec.strings(at: "selector")
        addresses = try Self.addresses(spec)
        families = []
        for family in try spec.elements(at: "ipFamilies") {
            guard let known = AddressFamily(rawValue: try family.string()) else {
                throw YAMLError(line: family.line, reason: "unknown address family")
            }
            families.append(known)
        }
        ports = []
        for port in try spec.elements(at: "ports") { ports.append(try Port(port)) }
        publishesNotReadyAddresses = try spec.bool(at: "publishNotReadyAddresses") ?? false
        isNodeLocal = try spec.string(at: "internalTrafficPolicy") == "Local"
        trafficDistribution = try spec.string(at: "trafficDistribution")
    }

    /// Whether its selector chooses these labels; an empty one chooses none.
    public func selects(_ labels: [String: String]) -> Bool {
        !selector.isEmpty && selector.allSatisfy { labels[$0.key] == $0.value }
    }

    private static func addresses(_ spec: YAMLValue) throws(YAMLError) -> [IPAddress] {
        var texts = try spec.elements(at: "clusterIPs")
        if texts.isEmpty, let single = try spec.member("clusterIP") { texts = [single] }
        var addresses: [IPAddress] = []
        for value in texts {
            let text = try value.string()
            if text.isEmpty || text == "None" { continue }
            guard let address = IPAddress(text) else {
                throw YAMLError(line: value.line, reason: "\(text) is no IP address")
            }
            addresses.append(address)
        }
        return addresses
    }
}

extension Service.Port {
    init(_ value: YAMLValue) throws(YAMLError) {
        guard let number = try value.integer(at: "port", in: 1...65535) else {
            throw YAMLError(line: value.line, reason: "port is missing")
        }
        name = try value.string(at: "name") ?? ""
        self.number = UInt16(number)
        transport = try value.string(at: "protocol") ?? "TCP"
        appProtocol = try value.string(at: "appProtocol")
        guard let target = try value.member("targetPort") else {
            self.target = .number(UInt16(number))
            return
        }
        if case .scalar(let scalar) = target.content, case .string(let name) = scalar.resolved {
            self.target = UInt16(name).map { .number($0) } ?? .name(name)
        } else {
            let number = try target.integer(in: 0...65535)
            self.target = .number(number == 0 ? self.number : UInt16(number))
        }
    }
}
