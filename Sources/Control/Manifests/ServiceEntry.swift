public import Primitives
public import YAML

/// An Istio ServiceEntry, as far as it matters here: services by host names, in the mesh or outside.
public struct ServiceEntry: Hashable, Sendable {
    /// How its hosts become addresses.
    public enum Resolution: String, Hashable, Sendable {
        /// The client has done that already.
        case none = "NONE"
        case fixed = "STATIC"
        case dns = "DNS"
        case roundRobinDNS = "DNS_ROUND_ROBIN"
        case dynamicDNS = "DYNAMIC_DNS"
    }

    /// A port of its services.
    public struct Port: Hashable, Sendable {
        public var name: String
        public var number: UInt16
        public var target: UInt16
        /// The word for what is spoken, as it was written.
        public var speech: String
    }

    public var metadata: ObjectMetadata
    public var hosts: [String]
    public var prefixes: [IPPrefix] = []
    /// Those that were found for its hosts automatically.
    public var automaticAddresses: [String: [IPAddress]] = [:]
    public var ports: [Port] = []
    public var resolution = Resolution.none
    public var endpoints: [EntryEndpoint] = []
    /// The labels of the pods and WorkloadEntries that are its endpoints; nil where it selects none.
    public var selector: [String: String]?
    public var subjectAltNames: [String]

    /// - Throws: with the line, for fields of another type and for values that mean nothing.
    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document)
        let spec = try document.member("spec") ?? YAMLValue(line: document.line, .mapping([]))
        hosts = try spec.stringList(at: "hosts")
        subjectAltNames = try spec.stringList(at: "subjectAltNames")
        for element in try spec.elements(at: "addresses") {
            let text = try element.string()
            guard let prefix = IPPrefix(text) else {
                throw YAMLError(line: element.line, reason: "\(text) is no IP range")
            }
            prefixes.append(prefix)
        }
        for element in try document.member("status")?.elements(at: "addresses") ?? [] {
            guard let address = IPAddress(try element.string(at: "value") ?? "") else { continue }
            automaticAddresses[try element.string(at: "host") ?? "", default: []].append(address)
        }
        for element in try spec.elements(at: "ports") { ports.append(try Port(element)) }
        if let word = try spec.string(at: "resolution") {
            guard let known = Resolution(rawValue: word) else {
                throw YAMLError(line: spec["resolution"]?.line ?? spec.line, reason: "unknown resolution \(word)")
            }
            resolution = known
        }
        for element in try spec.elements(at: "endpoints") { endpoints.append(try EntryEndpoint(element)) }
        let labels = try spec.member("workloadSelector")?.strings(at: "labels") ?? [:]
        selector = labels.isEmpty ? nil : labels
    }

    /// Whether one with these labels in the same namespace is an endpoint.
    public func selects(_ labels: [String: String]) -> Bool {
        selector?.allSatisfy { labels[$0.key] == $0.value } ?? false
    }
}

extension ServiceEntry.Port {
    init(_ value: YAMLValue) throws(YAMLError) {
        guard let number = try value.integer(at: "number", in: 1...65_535) else {
            throw YAMLError(line: value.line, reason: "number is missing")
        }
        self.number = UInt16(number)
        name = try value.string(at: "name") ?? ""
        speech = try value.string(at: "protocol") ?? ""
        let target = try value.integer(at: "targetPort", in: 0...65_535) ?? 0
        self.target = target == 0 ? UInt16(number) : UInt16(target)
    }
}
