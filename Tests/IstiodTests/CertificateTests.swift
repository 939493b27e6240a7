import Certificates
import Identity
import Primitives
import System
import Testing
import TLS

/// Certificates from a CA that checks what it is asked with Python's cryptography.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct CertificateTests {
    @Test func `a request is as the CA wants it, and the answer is used whole`() throws {
        let istiod = try Istiod()
        istiod.tell("ca", #""sign": "a/1/2", "roots": ["a", "b"], "token": "token-1""#)
        let node = try CertificateSubject(of: istiod)
        let certificate = try #require(try node.fetch("web")?.get())
        #expect(certificate.credentials.chain.count == 3)
        #expect(certificate.credentials.roots.count == 2)
        #expect(certificate.credentials.leaf.uris == ["spiffe://cluster.local/ns/shop/sa/web"])
        let request = try #require(istiod.all("certificate request").first)
        for word in [
            "\"identity\": \"spiffe://cluster.local/ns/shop/sa/web\"", "\"flaws\": []", "\"seconds\": 3600",
            "\"authorization\": \"Bearer token-1\"", "\"clusterid\": \"Kubernetes\"", "\"x-other\": \"from-the",
        ] {
            #expect(request.contains(word), "\(request)")
        }
        // The token as it is now; all calls over one connection, until the roots change.
        try FileSystem.write(Array("token-2\n".utf8), to: "\(istiod.folder)/token", mode: 0o600)
        istiod.tell("ca", #""token": "token-2""#)
        #expect(try node.fetch("cart")?.get() != nil)
        #expect(istiod.count("connection") == 1)
        istiod.tell("serve", #""root": "b", "trusted": "b""#)
        #expect(try node.fetch("third")?.get() != nil)
        #expect(istiod.count("connection") == 2)
    }

    @Test func `eight calls are made at a time, and who waits goes before who may wait`() throws {
        let istiod = try Istiod()
        istiod.tell("ca", #""delay": 0.4"#)
        let node = try CertificateSubject(of: istiod)
        for number in 0..<20 { node.store.prefetch(CertificateSubject.identity("w\(number)")) }
        let urgent = node.fetch("urgent")
        #expect(try urgent?.get() != nil)
        #expect(node.turn { node.renewed.count == 21 })
        let requests = istiod.all("certificate request").map(String.init)
        #expect(requests.count == 21)
        #expect(requests.contains { $0.contains("\"concurrent\": 8") })
        #expect(!requests.contains { $0.contains("\"concurrent\": 9") })
        let position = requests.firstIndex { $0.contains("urgent") } ?? 99
        #expect((8..<16).contains(position), "\(position)")
    }

    @Test func `what the CA answers wrongly is refused for what it is`() throws {
        let istiod = try Istiod()
        let node = try CertificateSubject(of: istiod, answerLimit: .milliseconds(700))
        for (mode, words) in [
            ("one element", "no root certificate"), ("garbage", "cannot be used"), ("other key", "cannot be used"),
            ("wrong identity", "certified spiffe://cluster.local/ns/other/sa/other"),
            ("garbage bytes", "malformed"), ("refuse", "CA is down"), ("hang", "no answer in time"),
        ] {
            istiod.tell("ca", "\"mode\": \"\(mode)\"")
            let result = node.fetch(String(mode.filter { $0 != " " }))
            guard case .failure(let failure)? = result else {
                Issue.record("\(mode): \(String(describing: result))")
                continue
            }
            #expect(failure.description.contains(words), "\(mode): \(failure)")
        }
        #expect(node.turn { istiod.count("call given up") == 1 })
        // A root that is broken among good ones is left out.
        istiod.tell("ca", #""mode": "broken root""#)
        let certificate = try #require(try node.fetch("lenient")?.get())
        #expect(certificate.credentials.roots.count == 1)
        #expect(certificate.credentials.skippedRootCount == 1)
        // Those that failed are tried again by themselves.
        istiod.tell("ca", #""mode": "sign""#)
        #expect(node.turn { node.renewed.count == 8 })
    }

    @Test func `a certificate is renewed at half of its life, and kept while the CA cannot`() throws {
        let istiod = try Istiod()
        istiod.tell("ca", #""lifetime": 8"#)
        let node = try CertificateSubject(of: istiod)
        let first = try #require(try node.fetch("web")?.get())
        let start = MonotonicClock.now()
        #expect(node.turn { node.renewed.count == 2 })
        let age = (MonotonicClock.now() - start).wholeMilliseconds
        // A second of its nine was over when it came.
        #expect((2400...4800).contains(age), "\(age)")
        istiod.tell("ca", #""mode": "refuse""#)
        #expect(node.turn { node.failures.count == 2 })
        #expect(node.keeps == [true, true])
        #expect(try node.fetch("web")?.get().generation == first.generation + 1)
        // Once it has run out there is none, and the CA's words are the answer.
        #expect(node.turn(atMost: .seconds(20)) { node.keeps.contains(false) })
        #expect(throws: CertificateFailure.self) { try node.fetch("web")?.get() }
        istiod.tell("ca", #""mode": "sign""#)
        #expect(node.turn(atMost: .seconds(20)) { node.renewed.count > 2 })
    }

    @Test func `a CA that is away, hung or another one is asked again, and what is held stays`() throws {
        let istiod = try Istiod()
        let node = try CertificateSubject(of: istiod, answerLimit: .seconds(1))
        #expect(try node.fetch("held")?.get() != nil)
        for (number, fault) in ["refuse", "hang", "kill"].enumerated() {
            if fault == "kill" { istiod.kill() } else { istiod.tell("gate", "\"mode\": \"\(fault)\"") }
            if fault == "refuse" { istiod.tell("reset") }
            guard case .failure? = node.fetch("w\(number)") else {
                Issue.record("\(fault): a certificate from nobody")
                continue
            }
            #expect(try node.fetch("held")?.get() != nil)
            if fault == "kill" { try istiod.start() } else { istiod.tell("gate", #""mode": "open""#) }
            istiod.tell("reset")
            // A new process has a new root, and the file of roots says so.
            if fault == "kill" { istiod.tell("trust", #""root": "a""#) }
            #expect(node.turn { node.renewed.count == number + 2 }, "\(fault): \(node.failures)")
        }
    }
}
