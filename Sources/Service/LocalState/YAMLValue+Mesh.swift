import Primitives
import Schema
import YAML

extension YAMLValue {
    /// The string under `key`, which must be there and not be empty.
    func required(_ key: String) throws(YAMLError) -> String {
        guard let text = try string(at: key), !text.isEmpty else {
            throw YAMLError(line: line, reason: "\(key) is missing")
        }
        return text
    }

    /// What the word under `key` stands for.
    func choice<T>(at key: String, _ choices: KeyValuePairs<String, T>) throws(YAMLError) -> T? {
        try member(key)?.choice(of: choices)
    }

    /// What this word stands for.
    func choice<T>(of choices: KeyValuePairs<String, T>) throws(YAMLError) -> T {
        let word = try string()
        guard let choice = choices.first(where: { $0.key == word }) else {
            let known = choices.map(\.key).joined(separator: ", ")
            throw YAMLError(line: line, reason: "\(word) is none of \(known)")
        }
        return choice.value
    }

    func address() throws(YAMLError) -> IPAddress {
        let text = try string()
        guard let address = IPAddress(text) else { throw YAMLError(line: line, reason: "\(text) is no IP address") }
        return address
    }

    /// `network/IP`.
    func networkAddress() throws(YAMLError) -> NetworkAddress {
        let text = try string()
        guard let (network, rest) = Self.halves(text), let address = IPAddress(rest) else {
            throw YAMLError(line: line, reason: "\(text) is not network/IP")
        }
        return Self.networkAddress(network, address)
    }

    /// `network/IP` or `namespace/hostname`, with the port of tunnels.
    func gateway() throws(YAMLError) -> GatewayAddress {
        try allowOnly(["destination", "hboneMtlsPort"])
        let text = try required("destination")
        guard let (first, second) = Self.halves(text), !second.isEmpty else {
            throw YAMLError(line: line, reason: "\(text) is neither network/IP nor namespace/hostname")
        }
        var gateway = GatewayAddress()
        if let address = IPAddress(second) {
            gateway.destination = .address(Self.networkAddress(first, address))
        } else {
            var name = NamespacedHostname()
            (name.namespace, name.hostname) = (first, second)
            gateway.destination = .hostname(name)
        }
        gateway.hboneMTLSPort = UInt32(try integer(at: "hboneMtlsPort", in: 0...65_535) ?? 0)
        return gateway
    }

    /// A map of ports, such as `{80: 8080}`, under `key`; empty when it is absent.
    func ports(at key: String) throws(YAMLError) -> [Port] { try member(key)?.ports() ?? [] }

    /// A map of ports.
    func ports() throws(YAMLError) -> [Port] {
        var ports: [Port] = []
        for entry in try mapping() {
            guard let number = UInt16(entry.key) else {
                throw YAMLError(line: entry.value.line, reason: "\(entry.key) is no port")
            }
            var port = Port()
            port.servicePort = UInt32(number)
            port.targetPort = UInt32(try entry.value.integer(in: 0...65_535))
            ports.append(port)
        }
        return ports
    }

    private static func networkAddress(_ network: String, _ address: IPAddress) -> NetworkAddress {
        var result = NetworkAddress()
        (result.network, result.address) = (network, address.bytes)
        return result
    }

    private static func halves(_ text: String) -> (String, String)? {
        guard let slash = text.firstIndex(of: "/") else { return nil }
        return (String(text[..<slash]), String(text[text.index(after: slash)...]))
    }
}

extension IPPrefix {
    /// - Parameter line: where `text` stands.
    static func parsed(_ text: String, line: Int) throws(YAMLError) -> IPPrefix {
        guard let prefix = IPPrefix(text) else { throw YAMLError(line: line, reason: "\(text) is no IP range") }
        return prefix
    }
}
