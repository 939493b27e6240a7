import COpenSSL
import Primitives

/// Subject alternative names (RFC 5280 4.2.1.6).
enum SubjectNames {
    /// The URIs of a certificate in its order; empty if it has none.
    static func uris(of certificate: Certificate) -> [String] {
        guard let names = unsafe X509_get_ext_d2i(certificate.raw, NID_subject_alt_name, nil, nil) else { return [] }
        return unsafe takeURIs(of: OpaquePointer(names))
    }

    /// The URIs that a signing request asks for.
    static func uris(of request: borrowing Handle) -> [String] {
        guard let names = unsafe culvert_request_names(request.raw) else { return [] }
        return unsafe takeURIs(of: names)
    }

    /// A list to be put into a certificate or a request.
    static func make(
        uris: [String], dnsNames: [String] = [], addresses: [IPAddress] = []
    ) throws(TLSFailure) -> Handle {
        let names = try unsafe Handle(culvert_names_new(), GENERAL_NAMES_free, .resources, "subject names")
        for (kind, texts) in [(GEN_URI, uris), (GEN_DNS, dnsNames)] {
            for text in texts {
                let bytes = Array(text.utf8)
                let added = unsafe culvert_names_add_text(names.raw, kind, bytes, Int32(clamping: bytes.count))
                try check(added, .resources, "subject names")
            }
        }
        for address in addresses {
            let bytes = address.bytes
            let added = unsafe culvert_names_add_address(names.raw, bytes, Int32(bytes.count))
            try check(added, .resources, "subject names")
        }
        return names
    }

    private static func takeURIs(of names: OpaquePointer) -> [String] {
        defer { unsafe GENERAL_NAMES_free(names) }
        var uris: [String] = []
        for index in 0..<min(unsafe culvert_names_count(names), Int32(Limits.certificateNameCountMax)) {
            var kind: Int32 = 0
            guard let name = unsafe culvert_names_get(names, index),
                let value = unsafe GENERAL_NAME_get0_value(name, &kind), kind == GEN_URI
            else { continue }
            let text = unsafe value.assumingMemoryBound(to: ASN1_STRING.self)
            let bytes = unsafe UnsafeBufferPointer(
                start: ASN1_STRING_get0_data(text), count: Int(max(0, ASN1_STRING_length(text))))
            unsafe uris.append(String(decoding: bytes, as: UTF8.self))
        }
        return uris
    }
}
