import Glibc
import Identity
import Mesh
import Primitives
import System
import TLS
import Testing

@testable import NodeProxy

/// Revocation of the peer within the tunnel of a gateway that stays in force. The lists are made by a library that we
/// did not write.
@Suite(.serialized) struct RevokedWithinTests {
    private static let lists = """
        import datetime, os, sys
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        folder, leaf = sys.argv[1:3]
        read = lambda path: open(path, "rb").read()
        root = x509.load_pem_x509_certificate(read(folder + "/root.pem"))
        key = serialization.load_pem_private_key(read(folder + "/root.key"), None)
        now = datetime.datetime.now(datetime.timezone.utc)
        lists = x509.CertificateRevocationListBuilder().issuer_name(root.subject)
        lists = lists.last_update(now).next_update(now + datetime.timedelta(days=1))
        serial = x509.load_pem_x509_certificate(read(leaf)).serial_number
        lists = lists.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build())
        with open(folder + "/new", "wb") as file:
            file.write(lists.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        os.rename(folder + "/new", folder + "/crl.pem")
        """

    private static func revoke(_ certificate: String, of node: TestNode, in folder: String) throws {
        try FileSystem.write(node.authority.facts.pem, to: "\(folder)/root.pem", mode: 0o600)
        try FileSystem.write(node.authorityKey.pem(), to: "\(folder)/root.key", mode: 0o600)
        try run("\(Checkout.repository)/.build/peers/bin/python", "-c", lists, folder, certificate)
    }

    @Test func `a peer within a gateway's tunnel that comes to be revoked is cut off, and refused from then on`() throws
    {
        let folder = "/dev/shm/culvert-within-\(getpid())"
        try FileSystem.makeDirectory(folder, mode: 0o700)
        defer { _ = try? ChildProcess.run(["rm", "-rf", folder]) }
        var configuration = NodeConfiguration()
        configuration.revocationPath = "\(folder)/crl.pem"
        let node = try TestNode(enrolling: ["web"], others: ["gateway"], configuration: configuration)
        let gateway = try HBONEPeer.server(
            in: node.pod("gateway"), of: node, accounts: ["gateway", "cart"], options: #"{"within": "cart"}"#)
        try OtherNetworkTests.publish(node)
        let client = try node.web.connect(OtherNetworkTests.vip)
        try write("before", to: client)
        let answer = try read(client)
        #expect(answer == "before", "\(node.logText) \(gateway.lines)")
        try Self.revoke(gateway.certificatePath("cart"), of: node, in: folder)
        #expect(throws: Errno.connectionReset) { for _ in 0..<3 { _ = try read(client) } }
        let second = try node.web.connect(OtherNetworkTests.vip)
        #expect(throws: Errno.connectionReset) { for _ in 0..<3 { _ = try read(second) } }
        let log = node.logText
        #expect(log.contains("peer certificate revoked") && log.contains("ns/shop/sa/cart"), "\(log)")
        #expect(gateway.count(of: "connected") == 1, "the gateway itself is not revoked")
    }
}
