import Glibc
import HTTP2
import Primitives
import System
import TLS
import Testing
import Tunnel

@testable import NodeProxy

/// What the label `response_flags` says of connections that fail, as a ztunnel says it.
@Suite(.serialized) struct ResponseFlagTests {
    @Test func `each loss of a tunnel has the flag that ztunnel gives it`() {
        let kinds: [(TLSFailure.Kind, String)] = [
            (.configuration, "TLS_FAILURE"), (.protocolVersion, "TLS_FAILURE"), (.applicationProtocol, "TLS_FAILURE"),
            (.certificateMissing, "TLS_FAILURE"), (.certificateUntrusted, "TLS_FAILURE"),
            (.certificateDates, "TLS_FAILURE"), (.certificateRevoked, "CERT_REVOKED"),
            (.certificateUsage, "TLS_FAILURE"), (.identity, "TLS_FAILURE"), (.alertReceived(46), "TLS_FAILURE"),
            (.protocolViolation, "TLS_FAILURE"), (.limit, "TLS_FAILURE"), (.closed, "TLS_FAILURE"),
            (.resources, "TLS_FAILURE"),
        ]
        let handshakes = kinds.map { kind, flag in (TunnelFailure.handshake(TLSFailure(kind, "")), flag) }
        let http2 = [
            HTTP2ConnectionFailure.Kind.notHTTP2, .violation(.protocolError), .abused(.interimResponses), .flooded,
            .outOfMemory, .misuse,
        ].map { (TunnelFailure.http2(HTTP2ConnectionFailure($0, reason: "")), "H2_HANDSHAKE_FAILURE") }
        let others: [(TunnelFailure, String)] = [
            (.handshakeTimedOut, "TLS_FAILURE"), (.revoked(TLSFailure(.certificateRevoked, "")), "CERT_REVOKED"),
            (.connectTimedOut, "NETWORK_POLICY"), (.connect(.connectionRefused), "CONNECT"),
            (.connect(.timedOut), "CONNECT"), (.socket(.connectionReset), "CONNECT"), (.peerClosed, "CONNECT"),
            (.keepAliveTimedOut, "CONNECT"), (.expired, "CONNECT"), (.abandoned(""), "CONNECT"),
        ]
        for (failure, flag) in handshakes + http2 + others {
            #expect(failure.flag.text == flag, "\(failure)")
        }
        #expect(RelayCause.peerRevoked("").flag?.text == "CERT_REVOKED")
        #expect(RelayCause.completed.flag == nil && RelayCause.tunnelLost("").flag == nil)
        let texts = ResponseFlag.allCases.map(\.text)
        let known = [
            "-", "DENY", "CONNECT", "TLS_FAILURE", "H2_HANDSHAKE_FAILURE", "NETWORK_POLICY", "IDENTITY_ERROR",
            "CERT_REVOKED",
        ]
        #expect(texts == known)
    }

    /// What is wrong with a connection's tunnel.
    enum Fault: CaseIterable {
        case noCertificate, anotherPeer, noTLS, noHTTP2

        var flag: Substring {
            switch self {
            case .noCertificate: "IDENTITY_ERROR"
            case .anotherPeer, .noTLS: "TLS_FAILURE"
            case .noHTTP2: "H2_HANDSHAKE_FAILURE"
            }
        }

        var reason: String {
            switch self {
            case .noCertificate: "identity error: not for this account"
            case .anotherPeer: "is not among the expected"
            case .noTLS: "TLS handshake failed"
            case .noHTTP2: "HTTP/2 failed"
            }
        }
    }

    @Test(arguments: Fault.allCases)
    func `a connection that has no tunnel is counted under what is wrong with that`(fault: Fault) throws {
        let node = try TestNode(enrolling: ["web"], unsigned: fault == .noCertificate ? ["web"] : [])
        var peer: HBONEPeer?
        switch fault {
        case .noCertificate: break
        case .anotherPeer: peer = try .server(in: node.cart, of: node, accounts: ["other"])
        case .noTLS: peer = try .server(in: node.cart, of: node, options: #"{"plain": "HTTP/1.1 400\r\n\r\n"}"#)
        case .noHTTP2:
            peer = try .server(in: node.cart, of: node, options: #"{"speech": "HTTP/1.1 400 Bad Request\r\n\r\n"}"#)
        }
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        let log = node.logText
        let lines = log.split(separator: "\n").filter {
            $0.contains("direction=\"outbound\"") && $0.contains("error=") && !$0.contains("attempt failed")
        }
        #expect(lines.count == 1 && lines[0].contains(fault.reason), "\(log) \(peer?.lines ?? [])")
        let page = try node.scrape()
        for name in ["istio_tcp_connections_failed_total", "istio_tcp_connections_closed_total"] {
            let samples = page.all(name, ["reporter": "source"])
            #expect(samples.map { $0.labels["response_flags"] ?? "" } == [fault.flag], "\(log)")
            #expect(page.sum(name, ["reporter": "source"]) == 1)
        }
    }

    @Test func `a success other than 200 is a refusal`() throws {
        let node = try TestNode(enrolling: ["web"])
        let peer = try HBONEPeer.server(in: node.cart, of: node, options: #"{"status": 204}"#)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        #expect(node.logText.contains("error=\"http status 204\""), "\(node.logText)")
        #expect(
            try peer.event { $0.contains("\"event\": \"reset\"") }?.contains("\"code\": 8") == true, "\(peer.lines)")
        let page = try node.scrape()
        #expect(page.sum("istio_tcp_connections_failed_total", ["response_flags": "CONNECT"]) == 1)
    }
}
