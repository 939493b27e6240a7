public import Primitives
public import System

/// The secrets by which nodes without a cluster prove who they are: one file for each node, named for it, with a
/// random token. Whoever sets a node up takes its token there.
public final class NodeTokens {
    private let path: String
    private var nodes: [String: String] = [:]
    private var lastRead = Instant(nanoseconds: 0)

    /// Tokens in the folder `path`, which is made when the first one is.
    public init(path: String) { self.path = path }

    /// Makes a token for each of the nodes that has none. Names that are no node's names are passed over.
    public func ensure(_ names: some Sequence<String>) throws(Errno) {
        try FileSystem.makeDirectory(path, mode: 0o700)
        for name in names where Self.isNodeName(name) {
            let file = "\(path)/\(name)"
            guard try FileSystem.status(of: file) == nil else { continue }
            let token = (0..<4).map { _ in Self.hexadecimal(Entropy.uint64()) }.joined()
            try FileSystem.write(Array("\(token)\n".utf8), to: file, mode: 0o600)
        }
        read()
    }

    /// The node that has this token; nil for any other. The files are read again for an unknown token, once a second
    /// at most.
    public func node(for token: String, now: Instant) -> String? {
        if let node = nodes[token] { return node }
        guard now - lastRead >= .seconds(1) else { return nil }
        lastRead = now
        read()
        return nodes[token]
    }

    private func read() {
        var found: [String: String] = [:]
        for name in (try? FileSystem.entries(of: path)) ?? [] where Self.isNodeName(name) {
            guard let bytes = try? FileSystem.read("\(path)/\(name)", byteCountMax: Limits.nodeTokenByteCountMax) else {
                continue
            }
            let token = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
            // A short one is a mistake, an empty one would let everybody in.
            if token.utf8.count >= Limits.nodeTokenByteCountMin { found[token] = name }
        }
        nodes = found
    }

    /// A DNS subdomain (RFC 1123): nothing else may become a path.
    static func isNodeName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 253 else { return false }
        let isPlain = { (byte: UInt8) in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isPlain(first)
            && name.utf8.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
