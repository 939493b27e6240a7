import Schema
import Testing

@Suite struct DiscoveryMessageTests {
    /// The first request of a node proxy, as recorded.
    let first = hex(
        """
        0a9d020a497a74756e6e656c7e31302e3234342e33322e327e7a74756e6e656c2d312e697374696f2d73797374656d7e697374696f2d
        73797374656d2e7376632e636c75737465722e6c6f63616c1acf010a150a0b444e535f4341505455524512061a04747275650a100a05
        455854524112071a05706c61696e0a1d0a0c494e5354414e43455f495053120d1a0b31302e3234342e33322e320a1d0a0d495354494f
        5f56455253494f4e120c1a0a616363657074616e63650a1e0a064c4142454c5312142a120a100a0361707012091a077a74756e6e656c
        0a130a044e414d45120b1a097a74756e6e656c2d310a1b0a094e414d455350414345120e1a0c697374696f2d73797374656d0a140a09
        4e4f44455f4e414d4512071a056e6f6465311230747970652e676f6f676c65617069732e636f6d2f697374696f2e7365637572697479
        2e417574686f72697a6174696f6e
        """)

    @Test func `a recorded first request reads as its fields`() throws {
        let request = try DeltaDiscoveryRequest(protobuf: first)
        #expect(request.typeURL == "type.googleapis.com/istio.security.Authorization")
        let node = try #require(request.node)
        #expect(node.id == "ztunnel~10.244.32.2~ztunnel-1.istio-system~istio-system.svc.cluster.local")
        let metadata = try #require(node.metadata)
        #expect(metadata.string("NODE_NAME") == "node1")
        #expect(metadata.string("LABELS") == nil)
        #expect(metadata.fields["LABELS"] == Value(.object(Struct(["app": Value("ztunnel")]))))
        // The recording happens to have its metadata in the order of the keys.
        #expect(request.protobuf() == first)
    }

    @Test func `a recorded acknowledgement keeps its bytes`() throws {
        let bytes = hex(
            "122a747970652e676f6f676c65617069732e636f6d2f697374696f2e776f726b6c6f61642e4164647265737332026e31")
        let request = try DeltaDiscoveryRequest(protobuf: bytes)
        #expect(request.responseNonce == "n1")
        #expect(request.errorDetail == nil)
        #expect(request.protobuf() == bytes)
    }

    @Test func `equal maps have equal bytes whatever was inserted first`() {
        var a = DeltaDiscoveryRequest()
        var b = DeltaDiscoveryRequest()
        for index in 0..<100 { a.initialResourceVersions["name-\(index)"] = "v" }
        for index in (0..<100).reversed() { b.initialResourceVersions["name-\(index)"] = "v" }
        #expect(a.protobuf() == b.protobuf())
    }

    @Test func `every kind of JSON value comes back`() throws {
        let kinds: [Value.Kind] = [
            .null, .number(-0.5), .string(""), .bool(false), .object(Struct()),
            .list(ListValue([Value("a"), Value(.null)])),
        ]
        for kind in kinds { #expect(try Value(protobuf: Value(kind).protobuf()).kind == kind) }
    }

    @Test func `what is no finite number has its name in JSON`() {
        for (number, name) in [(Double.nan, "NaN"), (.infinity, "Infinity"), (-.infinity, "-Infinity")] {
            var json = JSONWriter()
            number.write(to: &json)
            #expect(String(decoding: json.utf8, as: UTF8.self) == "\"\(name)\"")
        }
    }
}
