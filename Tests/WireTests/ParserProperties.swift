import Identity
import Primitives
import Wire

/// What must hold of the parsers of small texts whatever bytes they are given. Shared with the fuzz target.
enum ParserProperties {
    /// The properties that these bytes break; none, unless a parser is wrong.
    static func broken(by bytes: [UInt8]) -> [String] {
        let text = String(decoding: bytes, as: UTF8.self)
        var broken: [String] = []
        func check(_ holds: Bool, _ property: String) {
            if !holds { broken.append(property) }
        }
        if let identity = SPIFFEID(text) {
            check(identity.description == text, "an identity is written as it was read")
        }
        if let address = IPAddress(text) {
            check(IPAddress(address.description) == address, "an address is read as it was written")
            check(IPAddress(bytes: address.bytes) == address, "an address is its bytes")
        }
        if let prefix = IPPrefix(text) {
            check(prefix.contains(prefix.address), "a network holds its own address")
            check(prefix.network.network == prefix.network, "a network without host bits has none to lose")
            check(IPPrefix(prefix.description) == prefix, "a network is read as it was written")
        }
        if let endpoint = Endpoint(text) {
            check(Endpoint(endpoint.description) == endpoint, "an endpoint is read as it was written")
        }
        if let trace = TraceParent(bytes) {
            check(TraceParent(trace.encoded)?.encoded == trace.encoded, "a trace is read as it was written")
        }
        if let authority = try? Authority(text), !text.contains("@") {
            check((try? Authority(authority.description)) == authority, "an authority is read as it was written")
        }
        if let baggage = Baggage(headerValues: [bytes]) {
            check(Baggage(headerValues: [baggage.encoded.utf8])?.encoded == baggage.encoded, "baggage is stable")
        }
        if let host = Forwarded.host(in: bytes) {
            check(!host.isEmpty && !host.contains(";"), "a forwarded host is a single part")
        }
        return broken
    }
}
