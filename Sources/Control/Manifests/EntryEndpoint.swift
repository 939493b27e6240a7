public import Primitives
public import YAML

/// An endpoint outside of any pod: what a WorkloadEntry says, or a ServiceEntry of each of its endpoints.
public struct EntryEndpoint: Hashable, Sendable {
    /// Nil where it has a host name, or neither.
    public var address: IPAddress?
    /// Empty where it has an address.
    public var hostname = ""
    /// Numbers by the names of ports.
    public var ports: [String: UInt16] = [:]
    public var labels: [String: String] = [:]
    public var network: String?
    /// `region/zone/subzone`, or the beginning of that.
    public var locality = ""
    public var weight: UInt32 = 0
    public var serviceAccount = ""

    /// One that is known by nothing but its name.
    public init(hostname: String) { self.hostname = hostname }

    /// - Throws: with the line, for fields of another type and for values that mean nothing.
    public init(_ value: YAMLValue) throws(YAMLError) {
        let text = try value.string(at: "address") ?? ""
        address = IPAddress(text)
        hostname = address == nil ? text : ""
        for entry in try value.member("ports")?.mapping() ?? [] {
            ports[entry.key] = UInt16(try entry.value.integer(in: 1...65_535))
        }
        labels = try value.strings(at: "labels")
        network = try value.string(at: "network").flatMap { $0.isEmpty ? nil : $0 }
        locality = try value.string(at: "locality") ?? ""
        weight = UInt32(try value.integer(at: "weight", in: 0...Int(UInt32.max)) ?? 0)
        serviceAccount = try value.string(at: "serviceAccount") ?? ""
    }
}

/// An Istio WorkloadEntry: a machine outside of the cluster.
public struct WorkloadEntry: Hashable, Sendable {
    public var metadata: ObjectMetadata
    public var endpoint: EntryEndpoint

    /// - Throws: with the line, for fields of another type and for values that mean nothing.
    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document)
        endpoint = try EntryEndpoint(try document.member("spec") ?? YAMLValue(line: document.line, .mapping([])))
    }

    /// By which it is selected: those of the object go before those of its endpoint.
    public var labels: [String: String] { endpoint.labels.merging(metadata.labels) { _, own in own } }
}
