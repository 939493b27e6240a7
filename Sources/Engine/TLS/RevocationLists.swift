import COpenSSL
public import Primitives
import Synchronization

/// All revocation lists of a file.
///
/// A certificate is revoked if a list of its issuer names its serial number; of which no list speaks is not (ztunnel).
/// Neither the day of the revocation counts nor whether a newer list is overdue.
public final class RevocationLists: Sendable {
    /// What lists say against a peer.
    enum Objection: Equatable {
        case revoked(TLSFailure)
        /// There are lists in an issuer's name, and it has signed none of them.
        case unsigned(TLSFailure)
    }

    private struct Signature: Hashable {
        let list: ObjectIdentifier
        let key: [UInt8]
    }

    private let lists: [UInt: [RevocationList]]
    /// Whether an issuer has signed a list, once that was found out.
    private let signatures = Mutex<[Signature: Bool]>([:])

    /// - Parameter bytes: PEM with any number of lists among other blocks, or one list in DER. Nothing at all are no
    ///   lists.
    /// - Throws: if one of them cannot be read, or none is there.
    public init(_ bytes: [UInt8]) throws(TLSFailure) {
        guard bytes.count <= Limits.revocationByteCountMax else {
            throw TLSFailure(.configuration, "revocation lists: more than \(Limits.revocationByteCountMax) bytes")
        }
        let parsed = try Self.parse(bytes)
        lists = Dictionary(grouping: parsed, by: \.nameHash)
    }

    /// How many lists there are.
    public var listCount: Int { lists.values.reduce(0) { $0 + $1.count } }

    /// Certificates that they name.
    public var entryCount: Int { lists.values.joined().reduce(0) { $0 + $1.entryCount } }

    /// Issuers whose newer list is overdue, by their names.
    public func overdueIssuers(at wall: WallTime) -> [String] {
        lists.values.joined().filter { $0.nextUpdate.map { $0 <= wall } ?? false }.map(\.issuer).sorted()
    }

    /// What the lists say against the certificates of a verified chain, its root left aside.
    /// - Parameter chain: from the peer's own certificate to the root.
    func objection(to chain: OpaquePointer?) -> Objection? {
        guard !lists.isEmpty, let chain = unsafe chain else { return nil }
        var doubt: Objection?
        for depth in 0..<max(0, unsafe culvert_chain_count(chain) - 1) {
            guard let certificate = unsafe culvert_chain_get(chain, depth),
                let issuer = unsafe culvert_chain_get(chain, depth + 1)
            else { continue }
            switch unsafe objection(to: certificate, issuedBy: issuer, depth: Int(depth)) {
            case .revoked(let failure): return .revoked(failure)
            case .unsigned(let failure): doubt = doubt ?? .unsigned(failure)
            case nil: break
            }
        }
        return doubt
    }

    private func objection(to certificate: OpaquePointer, issuedBy issuer: OpaquePointer, depth: Int) -> Objection? {
        let named = unsafe (lists[culvert_name_hash(X509_get_issuer_name(certificate))] ?? [])
            .filter { unsafe $0.isNamed(for: certificate, issuedBy: issuer) }
        guard let first = named.first else { return nil }
        let signed = named.filter { unsafe isSigned($0, by: issuer) }
        guard !signed.isEmpty else {
            return .unsigned(
                TLSFailure(.certificateUntrusted, "no revocation list of \(first.issuer) is signed by it"))
        }
        guard signed.contains(where: { unsafe $0.revokes(certificate) }) else { return nil }
        let subject = depth == 0 ? "the peer's certificate" : "the peer's issuer (at depth \(depth))"
        let number = (try? unsafe CertificateFacts.decimal(X509_get0_serialNumber(certificate))) ?? "unknown"
        return .revoked(TLSFailure(.certificateRevoked, "\(subject) was revoked by \(first.issuer): serial \(number)"))
    }

    /// Signatures are checked once for each issuer: a list may be long.
    private func isSigned(_ list: RevocationList, by issuer: OpaquePointer) -> Bool {
        var digest = [UInt8](repeating: 0, count: Int(CULVERT_KEY_DIGEST_COUNT))
        guard unsafe culvert_key_digest(issuer, &digest) == 1 else { return false }
        let signature = Signature(list: ObjectIdentifier(list), key: digest)
        if let known = signatures.withLock({ $0[signature] }) { return known }
        let isSigned = unsafe list.isSigned(by: issuer)
        signatures.withLock { known in
            if known.count < Limits.revocationIssuerCountMax { known[signature] = isSigned }
        }
        return isSigned
    }
}

// MARK: - Reading

extension RevocationLists {
    private static func parse(_ bytes: [UInt8]) throws(TLSFailure) -> [RevocationList] {
        guard bytes.contains(where: { !isSpace($0) }) else { return [] }
        let what = "revocation lists"
        let input = try PEM.input(bytes, what, byteCountMax: Limits.revocationByteCountMax)
        guard bytes.drop(while: isSpace).first != derSequence else {
            let list = try unsafe Handle(
                d2i_X509_CRL_bio(input.raw, nil), { unsafe X509_CRL_free($0) }, .configuration, what)
            return [try unsafe RevocationList(adopting: list.take())]
        }
        var lists: [RevocationList] = []
        while let raw = unsafe PEM_read_bio_X509_CRL(input.raw, nil, nil, nil) {
            lists.append(try unsafe RevocationList(adopting: raw))
            guard lists.count <= Limits.revocationListCountMax else {
                throw TLSFailure(.configuration, "\(what): more than \(Limits.revocationListCountMax)")
            }
        }
        let entries = ErrorQueue.drain()
        guard let last = entries.last, last.library == ERR_LIB_PEM, last.reason == PEM_R_NO_START_LINE else {
            throw TLSFailure(.configuration, what, entries)
        }
        guard !lists.isEmpty else { throw TLSFailure(.configuration, "\(what): there is none in the file") }
        return lists
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    /// What DER begins with, and no text does.
    private static let derSequence: UInt8 = 0x30
}
