import Certificates
import EventLoop
import Glibc
import Primitives
import System
import TLS
import Testing

/// A file of revocation lists that comes, changes, breaks and goes.
struct RevocationFollowerTests {
    private final class Record {
        var events: [String] = []
    }

    private let loop: EventLoop
    private let folder: String
    private let register = RevocationRegister()
    private let record = Record()

    init() throws {
        loop = try EventLoop()
        folder = "/tmp/culvert-crl-\(String(Entropy.uint64(), radix: 16))"
        try FileSystem.makeDirectory(folder, mode: 0o700)
    }

    private func follow(_ path: String) -> RevocationFollower {
        let record = record
        let follower = RevocationFollower(path: path, register: register) { event in
            switch event {
            case .adopted(let lists): record.events.append("adopted \(lists.entryCount)")
            case .refused(let reason, let hasEarlier): record.events.append("refused \(hasEarlier) \(reason)")
            }
        }
        follower.start(on: loop)
        return follower
    }

    /// Turns the loop until so many things were told.
    private func turn(until count: Int, atMost limit: Duration = .seconds(6)) -> Bool {
        let deadline = MonotonicClock.now() + limit
        while record.events.count < count {
            guard MonotonicClock.now() < deadline else { return false }
            loop.turn(waitingAtMost: .milliseconds(10))
        }
        return true
    }

    @Test func `a file that is missing at first is followed, and what breaks or goes changes nothing`() throws {
        let path = "\(folder)/ca-crl.pem"
        let follower = follow(path)
        defer { follower.stop(on: loop) }
        #expect(record.events.count == 1 && record.events[0].hasPrefix("refused false"))
        try FileSystem.write(Self.naming, to: path, mode: 0o600)
        #expect(turn(until: 2) && record.events[1] == "adopted 1")
        try FileSystem.write(Array(Self.naming.dropLast(60)), to: path, mode: 0o600)
        #expect(turn(until: 3) && record.events[2].hasPrefix("refused true revocation lists: "), "\(record.events)")
        #expect(register.current?.entryCount == 1)
        try FileSystem.remove(path)
        #expect(turn(until: 4) && record.events[3].hasPrefix("refused true"), "\(record.events)")
        #expect(register.current?.entryCount == 1)
        try FileSystem.write(Self.empty, to: path, mode: 0o600)
        #expect(turn(until: 5) && record.events[4] == "adopted 0", "\(record.events)")
        try FileSystem.write([], to: path, mode: 0o600)
        #expect(turn(until: 6) && record.events[5] == "adopted 0" && register.current?.listCount == 0)
    }

    @Test func `a mount whose symbolic link is swapped is noticed at once`() throws {
        for (version, content) in [("1", Self.empty), ("2", Self.naming)] {
            try FileSystem.makeDirectory("\(folder)/..\(version)", mode: 0o700)
            try FileSystem.write(content, to: "\(folder)/..\(version)/ca-crl.pem", mode: 0o600)
        }
        #expect(unsafe symlink("..1", "\(folder)/..data") == 0)
        #expect(unsafe symlink("..data/ca-crl.pem", "\(folder)/ca-crl.pem") == 0)
        let follower = follow("\(folder)/ca-crl.pem")
        defer { follower.stop(on: loop) }
        #expect(record.events == ["adopted 0"])
        #expect(unsafe symlink("..2", "\(folder)/..new") == 0)
        #expect(unsafe rename("\(folder)/..new", "\(folder)/..data") == 0)
        #expect(turn(until: 2, atMost: .seconds(1)) && record.events[1] == "adopted 1", "\(record.events)")
    }

    @Test func `a folder that comes later is found`() throws {
        let follower = follow("\(folder)/a/b/ca-crl.pem")
        defer { follower.stop(on: loop) }
        try FileSystem.makeDirectory("\(folder)/a", mode: 0o700)
        try FileSystem.makeDirectory("\(folder)/a/b", mode: 0o700)
        try FileSystem.write(Self.naming, to: "\(folder)/a/b/ca-crl.pem", mode: 0o600)
        #expect(turn(until: 2) && record.events.last == "adopted 1", "\(record.events)")
    }

    /// Made by OpenSSL for one issuer: a list that names nobody, and one that names one certificate.
    private static let empty = Array(
        """
        -----BEGIN X509 CRL-----
        MIGRMDgwCgYIKoZIzj0EAwIwDDEKMAgGA1UECgwBeBcNMjYxMTI3MTM1NzEyWhcN
        MjYxMTI4MTM1NzEyWjAKBggqhkjOPQQDAgNJADBGAiEAwXkbs2P7fBz/G1E8uWiH
        Zb8nKDK/GSZRBngKAw5DDzsCIQDIRSJokqUeBk9ah44LWiVEFgOqes6u8d+eLjY/
        xCqBWA==
        -----END X509 CRL-----

        """.utf8)
    private static let naming = Array(
        """
        -----BEGIN X509 CRL-----
        MIG5MGEwCgYIKoZIzj0EAwIwDDEKMAgGA1UECgwBeBcNMjYxMTI3MTM1NzEyWhcN
        MjYxMTI4MTM1NzEyWjAnMCUCFHlPJrQX5w6ILeiiVTETRE7drSizFw0yNjExMjcx
        MzU3MTJaMAoGCCqGSM49BAMCA0gAMEUCIH/XHeAXHjWHM8U/i26Av+IO85ydBncj
        iThCLiBN4td2AiEAp5QXBGBYvmU553/nCMk/mLTPRMjyo9yrXOQ2NYYKDes=
        -----END X509 CRL-----

        """.utf8)
}
