public import Primitives

/// The `forwarded` header (RFC 7239) in the one form that ztunnel writes and the one part that it reads.
public enum Forwarded {
    /// `for="1.2.3.4:80"`, followed by `;host=NAME` where the destination service is known.
    public static func encode(client: Endpoint, host: String?) -> String {
        guard let host else { return "for=\"\(client)\"" }
        return "for=\"\(client)\";host=\(host)"
    }

    /// The host that a header names: of the parts between semicolons the first that starts with `host=` once trimmed,
    /// without the double quotes around it. Nil when there is none, when it is empty, when the header is not visible
    /// ASCII or longer than `Limits.forwardedByteCountMax`.
    ///
    /// It is the peer's claim; it may choose between the services of the workload called, and nothing else.
    public static func host(in headerValue: some Collection<UInt8>) -> String? {
        guard headerValue.count <= Limits.forwardedByteCountMax, headerValue.isHeaderText else { return nil }
        let text = String(decoding: headerValue, as: UTF8.self)
        for part in text.split(separator: ";") {
            let part = trimmed(part)
            guard part.hasPrefix("host=") else { continue }
            var host = part.dropFirst("host=".count)
            if host.count >= 2, host.first == "\"", host.last == "\"" { host = host.dropFirst().dropLast() }
            return host.isEmpty ? nil : String(host)
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
