import Certificates
import Primitives
import TLS

/// One certificate of the dump.
struct CertificateSummary: Sendable {
    /// The PEM text, in base 64 once more (ztunnel).
    let pem: String
    /// Decimal.
    let serialNumber: String
    let notBefore: WallTime
    let notAfter: WallTime

    init(_ facts: CertificateFacts) {
        pem = String(decoding: [UInt8](base64: facts.pem), as: UTF8.self)
        serialNumber = facts.serialNumber
        (notBefore, notAfter) = (facts.notBefore, facts.notAfter)
    }
}

extension ConfigDump.Identity {
    /// What the store says of an identity; never its key.
    init(_ name: String, _ state: CertificateLedger<WorkloadCertificate>.State) {
        switch state {
        case .initializing: self.init(name: name, state: "Initializing")
        case .unavailable(let reason): self.init(name: name, state: "Unavailable: \(reason)")
        case .available(let certificate):
            self.init(
                name: name, state: "Available", chain: certificate.credentials.chain.map(CertificateSummary.init),
                roots: certificate.credentials.roots.map(CertificateSummary.init))
        }
    }
}

extension [UInt8] {
    /// Bytes in base 64 with padding (RFC 4648 4).
    fileprivate init(base64 bytes: [UInt8]) {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        self.init()
        reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<Swift.min(start + 3, bytes.count)]
            let word = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                let digit = Int(word >> UInt32(18 - 6 * place) & 63)
                append(place <= group.count ? alphabet[digit] : UInt8(ascii: "="))
            }
        }
    }
}
