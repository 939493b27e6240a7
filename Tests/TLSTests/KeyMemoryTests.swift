import Glibc
import Identity
import System
import TLS
import Testing

/// What this process's memory holds of private keys.
@Suite(.serialized) struct KeyMemoryTests {
    /// A key's secret number as OpenSSL computes with it, least byte first, disguised so that to look for it puts no
    /// copy of it into memory.
    private struct Secret {
        let disguised: [UInt8]
        static let mask: UInt8 = 0xa5

        init(of key: PrivateKey) throws {
            // PKCS#8 of a P-256 key holds an ECPrivateKey: 02 01 01 04 20, and then the number, greatest byte first.
            let text = try String(decoding: key.pem(), as: UTF8.self)
            let der = Self.decode(text.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined())
            let marker: [UInt8] = [2, 1, 1, 4, 32]
            let start = try #require((0..<der.count - 37).first { Array(der[$0..<$0 + 5]) == marker }) + 5
            disguised = (0..<32).map { der[start + 31 - $0] ^ Self.mask }
        }

        private static func decode(_ base64: String) -> [UInt8] {
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
            var (bits, count, bytes) = (0, 0, [UInt8]())
            for character in base64.utf8 {
                guard let value = alphabet.firstIndex(of: character) else { break }
                (bits, count) = ((bits << 6 | value) & 0xffff, count + 6)
                guard count >= 8 else { continue }
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
            return bytes
        }

        /// How often the number lies in what this process can write to.
        func occurrences() throws -> Int {
            let memory = unsafe open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
            try #require(memory >= 0)
            defer { close(memory) }
            let size = 1 << 20
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
            defer { unsafe room.deallocate() }
            var found = 0
            for (start, end) in try Self.regions() {
                var offset = start
                while offset < end {
                    let count = unsafe pread(memory, room.baseAddress, min(size, end - offset), offset)
                    guard count > 0 else { break }
                    found += unsafe search(UnsafeRawBufferPointer(rebasing: room[..<count]))
                    // It is looked through as well.
                    unsafe room.initializeMemory(as: UInt8.self, repeating: 0)
                    offset += count < size ? count : count - 31
                }
            }
            return found
        }

        private func search(_ bytes: UnsafeRawBufferPointer) -> Int {
            guard let base = bytes.baseAddress else { return 0 }
            var (found, start) = (0, 0)
            while start + 32 <= bytes.count {
                let first = Int32(disguised[0] ^ Self.mask)
                guard let hit = unsafe memchr(base + start, first, bytes.count - start) else { break }
                start = unsafe UnsafeRawPointer(hit) - base
                guard start + 32 <= bytes.count else { break }
                let isWhole = (1..<32).allSatisfy { unsafe bytes[start + $0] == disguised[$0] ^ Self.mask }
                if isWhole { found += 1 }
                start += 1
            }
            return found
        }

        /// What may be read and written, but for what devices show.
        private static func regions() throws -> [(Int, Int)] {
            let maps = try String(decoding: FileSystem.read("/proc/self/maps"), as: UTF8.self)
            return maps.split(separator: "\n").compactMap { line in
                let words = line.split(separator: " ")
                guard words.count > 1, words[1].hasPrefix("rw"), !line.contains("/dev/") else { return nil }
                let bounds = words[0].split(separator: "-").compactMap { Int($0, radix: 16) }
                return bounds.count == 2 ? (bounds[0], bounds[1]) : nil
            }
        }
    }

    /// Makes a key and certificates with it, and has it prove who we are in both roles.
    private func useKey() throws -> Secret {
        let mesh = try Mesh()
        let key = try PrivateKey.generateP256()
        let secret = try Secret(of: key)
        _ = try CertificateSigningRequest.make(identity: Mesh.web, key: key)
        let roots = mesh.authority.facts.pem
        let credentials = try [Mesh.web, Mesh.cart].map { identity in
            try TLSCredentials(
                chain: mesh.authority.issue(mesh.template(identity.description), for: key), key: key, roots: roots)
        }
        let pair = try Pair(client: credentials[0], server: credentials[1]).connect()
        #expect(pair.client.connection.isEstablished && pair.server.connection.isEstablished)
        #expect(try secret.occurrences() > 0, "a key in use is found")
        return secret
    }

    @Test func `nothing is left of a private key once its certificate is forgotten and its connections are over`()
        throws
    {
        let secret = try useKey()
        #expect(try secret.occurrences() == 0)
    }
}
