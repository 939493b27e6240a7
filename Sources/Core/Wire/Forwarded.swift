public import Primitives

/// The `forwarded` header (RFC 7239) in the one form that ztunnel writes and the one part that it reads.
public enum Forwarded {
    /// `for="1.2.3.4:80"`, followed by `;host=NAME` where the destination service is known.
    public static func encode(client: Endpoint, host: String?) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(Self.encodedByteCount + (host?.utf8.count ?? 0))
        text.append(contentsOf: "for=\"".utf8)
        text.append(client)
        text.append(UInt8(ascii: "\""))
        if let host {
            text.append(contentsOf: ";host=".utf8)
            text.append(contentsOf: host.utf8)
        }
        return text
    }

    /// What there is in most beside the host.
    private static let encodedByteCount = 40

    /// The host that a header names: of the parts between semicolons the first that starts with `host=` once trimmed,
    /// without the double quotes around it. Nil when there is none, when it is empty, when the header is not visible
    /// ASCII or longer than `Limits.forwardedByteCountMax`.
    ///
    /// It is the peer's claim; it may choose between the services of the workload called, and nothing else.
    public static func host(in headerValue: some Collection<UInt8>) -> String? {
        guard headerValue.count <= Limits.forwardedByteCountMax else { return nil }
        return firstHost(in: Array(headerValue))
    }

    private static func firstHost(in text: [UInt8]) -> String? {
        guard text.isHeaderText else { return nil }
        for part in text.split(separator: UInt8(ascii: ";")) {
            let part = trimmed(part)
            guard part.starts(with: "host=".utf8) else { continue }
            var host = part.dropFirst("host=".utf8.count)
            let quote = UInt8(ascii: "\"")
            if host.count >= 2, host.first == quote, host.last == quote { host = host.dropFirst().dropLast() }
            return host.isEmpty ? nil : String(decoding: host, as: UTF8.self)
        }
        return nil
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var text = text.drop(while: isBlank)
        while text.last.map(isBlank) ?? false { text.removeLast() }
        return text
    }
}
