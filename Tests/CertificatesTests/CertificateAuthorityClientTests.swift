import Certificates
import ControlPlane
import EventLoop
import Identity
import Primitives
import RPC
import Schema
import System
import TLS
import Testing

/// The client and a server of the same contract, on one loop.
struct CertificateAuthorityClientTests {
    private static let path = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
    private static let web = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "web")

    private let loop: EventLoop
    private let fake: FakeAuthority
    private let context: TLSContext
    private let folder = "/tmp/culvert-ca-\(String(Entropy.uint64(), radix: 16))"
    private let record = Record()

    private final class Record {
        var requests: [(head: RPCHead, message: IstioCertificateRequest)] = []
        var results: [Result<[String], CertificateFailure>] = []
    }

    init() throws {
        loop = try EventLoop()
        fake = try FakeAuthority()
        var template = CertificateTemplate.workload(uri: "", lifetime: .seconds(600), now: WallClock.now())
        template.uris = []
        template.addresses = [IPAddress(v4: 0x7f00_0001)]
        let key = try PrivateKey.generateP256()
        context = try TLSContext.plainServer(chain: fake.authority.issue(template, for: key), key: key)
        try FileSystem.makeDirectory(folder, mode: 0o700)
        try FileSystem.write(fake.authority.facts.pem, to: "\(folder)/root.pem", mode: 0o600)
        try FileSystem.write(Array("token-1\n".utf8), to: "\(folder)/token", mode: 0o600)
    }

    private func serve(on port: UInt16 = 0, _ handler: @escaping RPCServer.UnaryHandler) throws -> RPCServer {
        let server = try RPCServer(
            on: Endpoint(IPAddress(v4: 0x7f00_0001), port: port), context: context, loop: loop)
        let record = record
        server.serve(Self.path) { head, bytes, answer in
            if let message = try? IstioCertificateRequest(protobuf: bytes) { record.requests.append((head, message)) }
            handler(head, bytes, answer)
        }
        return server
    }

    private func client(port: UInt16, answerLimit: Duration = .seconds(10)) -> CertificateAuthorityClient {
        var access = ControlPlaneAccess(
            target: .endpoint(Endpoint(IPAddress(v4: 0x7f00_0001), port: port)), trust: .file("\(folder)/root.pem"))
        access.token = .file("\(folder)/token")
        access.headers = [("x-other", "from-env")]
        return CertificateAuthorityClient(access, lifetime: .seconds(3_600), answerLimit: answerLimit, loop: loop)
    }

    private func sign(_ client: CertificateAuthorityClient) throws -> Result<[String], CertificateFailure> {
        let request = try CertificateSigningRequest.make(identity: Self.web, key: .generateP256())
        let count = record.results.count
        let record = record
        client.sign(request, for: Self.web) { record.results.append($0) }
        let deadline = MonotonicClock.now() + .seconds(10)
        while record.results.count == count, MonotonicClock.now() < deadline {
            loop.turn(waitingAtMost: .milliseconds(20))
        }
        return try #require(record.results.last)
    }

    private func answer(_ bytes: [UInt8]) -> Result<[UInt8], RPCStatus> {
        do {
            let message = try IstioCertificateRequest(protobuf: bytes)
            var response = IstioCertificateResponse()
            response.certChain = [try fake.leaf(for: Array(message.csr.utf8), Self.web), fake.root]
            return .success(response.protobuf())
        } catch {
            return .failure(RPCStatus(.internalError, "\(error)"))
        }
    }

    @Test func `a request says what the contract says, with the token as it is now`() throws {
        let server = try serve { _, bytes, reply in
            reply(answer(bytes))
        }
        let port = server.endpoint.port
        let client = client(port: port)
        #expect(try sign(client).get().count == 2)
        try FileSystem.write(Array("token-2".utf8), to: "\(folder)/token", mode: 0o600)
        #expect(try sign(client).get().count == 2)
        #expect(record.requests.map(\.head.bearerToken) == ["token-1", "token-2"])
        let first = try #require(record.requests.first)
        #expect(first.message.validityDuration == 3_600)
        #expect(first.message.metadata?.string("ImpersonatedIdentity") == Self.web.description)
        let names = first.head.metadata.map(\.name)
        #expect(names.contains("x-other") && names.contains("clusterid"))
        #expect(server.connectionCount == 1, "one connection carries all calls")
    }

    @Test func `a CA that refuses, or talks nonsense, is a failure with its words`() throws {
        let answers: [(Result<[UInt8], RPCStatus>, String)] = [
            (.failure(RPCStatus(.permissionDenied, "not your pod")), "not your pod"),
            (.success([0xff, 0xff, 0xff]), "malformed"),
        ]
        for (reply, words) in answers {
            let server = try serve { _, _, answer in answer(reply) }
            let result = try sign(client(port: server.endpoint.port))
            guard case .failure(let failure) = result else { throw RPCStatus.ok }
            #expect(failure.description.contains(words))
        }
    }

    @Test func `a CA that is down is a failure, and is found again once it is up`() throws {
        let first = try serve { _, bytes, reply in
            reply(answer(bytes))
        }
        let port = first.endpoint.port
        let client = client(port: port)
        #expect(try sign(client).get().count == 2)
        var isStopped = false
        first.stop(grace: .zero) { isStopped = true }
        while !isStopped { loop.turn(waitingAtMost: .milliseconds(20)) }
        #expect(throws: CertificateFailure.self) { try sign(client).get() }
        let second = try serve(on: port) { _, bytes, reply in
            reply(answer(bytes))
        }
        #expect(try sign(client).get().count == 2)
        #expect(second.connectionCount == 1)
    }

    @Test func `a CA that never answers fails in time`() throws {
        let server = try serve { _, _, _ in }
        let client = client(port: server.endpoint.port, answerLimit: .milliseconds(300))
        #expect(throws: CertificateFailure.self) { try sign(client).get() }
    }

    @Test func `a CA of another root is not asked, until the file of roots names it`() throws {
        try FileSystem.write(FakeAuthority().authority.facts.pem, to: "\(folder)/root.pem", mode: 0o600)
        let server = try serve { _, bytes, reply in
            reply(answer(bytes))
        }
        let client = client(port: server.endpoint.port)
        #expect(throws: CertificateFailure.self) { try sign(client).get() }
        #expect(record.requests.isEmpty)
        try FileSystem.write(fake.authority.facts.pem, to: "\(folder)/root.pem", mode: 0o600)
        #expect(try sign(client).get().count == 2)
    }

    @Test func `a missing token is a failure of that request alone`() throws {
        let server = try serve { _, bytes, reply in
            reply(answer(bytes))
        }
        let client = client(port: server.endpoint.port)
        try FileSystem.remove("\(folder)/token")
        #expect(throws: CertificateFailure.self) { try sign(client).get() }
        try FileSystem.write(Array("token".utf8), to: "\(folder)/token", mode: 0o600)
        #expect(try sign(client).get().count == 2)
    }
}
