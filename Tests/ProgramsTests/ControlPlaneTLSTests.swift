import System
import Testing

/// What `culvert-node` agrees on with a control plane that is `openssl s_server`. Needs root.
@Suite struct ControlPlaneTLSTests {
    /// Starts a server that only does what `restriction` says, and a node; whether they come to speak HTTP/2.
    private func agrees(_ setting: String, _ restriction: [String]) throws -> Bool {
        let place = try Place()
        _ = try place.run([
            "sh", "-c",
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$0/key" -out "$0/root" \
              -days 2 -subj /CN=root 2>&1 &&
            openssl req -x509 -CA "$0/root" -CAkey "$0/key" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
              -keyout "$0/leaf.key" -out "$0/leaf" -days 2 -subj /CN=leaf -addext basicConstraints=critical,CA:FALSE \
              -addext subjectAltName=DNS:localhost 2>&1
            """, place.folder,
        ])
        let server = ["s_server", "-accept", "127.0.0.1:9443", "-cert", "leaf", "-key", "leaf.key", "-alpn", "h2"]
        _ = try place.start(
            ["sh", "-c", "sleep 15 | exec openssl \"$@\"", "openssl"] + server + restriction, log: "server")
        #expect(try eventually { place.text("server").contains("ACCEPT") })
        _ = try place.start(
            [try program("culvert-node")],
            [setting, "XDS_ADDRESS=https://localhost:9443", "CA_ADDRESS=", "XDS_ROOT_CA=root"], log: "node")
        var outcome: Bool?
        _ = try eventually {
            // What the client says first, as the server prints it; or why there was no handshake.
            if place.text("server").contains("PRI * HTTP/2.0") { outcome = true }
            if place.text("node").contains("XDS client connection ended") { outcome = outcome ?? false }
            return outcome != nil
        }
        #expect(outcome != nil, "\(place.text("node")) \(place.text("server"))")
        return outcome == true
    }

    @Test(arguments: [
        ("A=", ["-groups", "X25519MLKEM768"], true), ("A=", ["-groups", "X25519"], true),
        ("A=", ["-groups", "P-384"], true), ("A=", ["-tls1_2"], false), ("A=", ["-groups", "X448"], false),
        ("COMPLIANCE_POLICY=pqc", ["-groups", "X25519MLKEM768"], true),
        ("COMPLIANCE_POLICY=pqc", ["-groups", "X25519:P-256"], false),
        ("TLS12_ENABLED=true", ["-tls1_2"], true),
        ("TLS12_ENABLED=true", ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], false),
        ("TLS12_ENABLED=true", ["-tls1_3"], true),
    ])
    func `versions and key exchange are those of the settings`(
        setting: String, restriction: [String], agrees: Bool
    ) throws {
        #expect(try self.agrees(setting, restriction) == agrees)
    }
}
