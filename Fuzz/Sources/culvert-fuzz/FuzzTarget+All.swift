extension FuzzTarget {
    /// Every target; `culvert-fuzz list` prints their names.
    static let all = [
        texts, addresses, proxyProtocol, dns, socks, persistentMap, byteQueue, policy, mesh, http1, http2Server,
        http2Client, protobuf, discovery, enrolment, yaml, manifests, tls, grpc, tunnel, rpcServer, dnsExchange,
    ]
}
