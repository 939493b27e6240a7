@testable import ControlPlane
import Primitives
import System
import Testing

struct SourceTests {
    private let path = "/tmp/culvert-source-\(String(Entropy.uint64(), radix: 16))"

    @Test func `a token file is read each time, and white space around the token is dropped`() throws {
        defer { try? FileSystem.remove(path) }
        try FileSystem.write(Array(" one.two.three\r\n".utf8), to: path, mode: 0o600)
        let token = BearerToken(path)
        #expect(token == .file(path))
        #expect(try token.read() == "one.two.three")
        try FileSystem.write(Array("four".utf8), to: path, mode: 0o600)
        #expect(try token.read() == "four")
    }

    @Test(arguments: ["", " \n", "a b", "a\nb", "\u{e9}"]) func `a token that no header can carry is refused`(
        text: String
    ) throws {
        defer { try? FileSystem.remove(path) }
        try FileSystem.write(Array(text.utf8), to: path, mode: 0o600)
        #expect(throws: AccessFailure.self) { try BearerToken.file(path).read() }
        #expect(throws: AccessFailure.self) { try BearerToken.literal(text).read() }
    }

    @Test func `a token file that is not there is a failure of that request`() {
        #expect(throws: AccessFailure.self) { try BearerToken("/nowhere/token").read() }
    }

    @Test func `a setting without a slash is the token itself`() throws {
        #expect(try BearerToken("header.payload.signature").read() == "header.payload.signature")
    }

    @Test func `roots come from the system, from text, or from a file as it is now`() throws {
        #expect(TrustSource("SYSTEM") == .system && TrustSource("./root.pem") == .file("./root.pem"))
        let pem = "-----BEGIN CERTIFICATE-----\n"
        #expect(try TrustSource(pem).read() == Array(pem.utf8))
        #expect(try TrustSource.system.read() == nil)
        #expect(throws: AccessFailure.self) { try TrustSource("/nowhere/root.pem").read() }
    }
}
