import Schema
import Testing

@Suite struct EnrolmentPacketTests {
    @Test func `a hello names version 1`() throws {
        let hello = try ZdsHello(protobuf: hex("0801"))
        #expect(hello.version == .v1)
        #expect(hello.protobuf() == hex("0801"))
    }

    @Test func `requests have the recorded bytes`() throws {
        var info = WorkloadInfo()
        info.name = "cart-0"
        info.namespace = "shop"
        info.serviceAccount = "cart"
        var add = AddWorkload()
        add.uid = "uid-1"
        add.workloadInfo = info
        var keep = KeepWorkload()
        keep.uid = "uid-1"
        var del = DelWorkload()
        del.uid = "uid-1"
        let vectors: [(WorkloadRequest.Payload, String)] = [
            (.add(add), "0a1d0a057569642d3112140a06636172742d30120473686f701a0463617274"),
            (.keep(keep), "2a070a057569642d31"),
            (.del(del), "120712057569642d31"),
            (.snapshotSent, "1a00"),
        ]
        for (payload, text) in vectors {
            #expect(WorkloadRequest(payload).protobuf() == hex(text))
            #expect(try WorkloadRequest(protobuf: hex(text)).payload == payload)
        }
    }

    @Test func `answers have the recorded bytes`() throws {
        #expect(WorkloadResponse(Ack()).protobuf() == hex("0a00"))
        #expect(WorkloadResponse(Ack(error: "boom")).protobuf() == hex("0a060a04626f6f6d"))
        #expect(try WorkloadResponse(protobuf: hex("0a060a04626f6f6d")).ack?.error == "boom")
        #expect(try WorkloadResponse(protobuf: []).ack == nil)
    }

    @Test func `a payload of a later version reads as none`() throws {
        #expect(try WorkloadRequest(protobuf: hex("3a070a057569642d31")).payload == nil)
    }
}
