import EventLoop
import Glibc
import Primitives
import System
import TLS

@testable import RPC

extension FuzzTarget {
    /// A server of calls takes whatever a client says, ends each call once, and leaves no descriptor open.
    static let rpcServer = FuzzTarget("rpc-server") { bytes in
        let server = RPCFuzzing.server
        let loop = RPCFuzzing.loop
        let before = FuzzedPeer.nextDescriptor
        let begun = RPCFuzzing.begunCount
        let ended = RPCFuzzing.endedCount
        do {
            var choices = Choices(bytes)
            let (peer, socket) = FuzzedPeer.make()
            let owner = RPCServerConnection(peer: Endpoint(IPAddress(v4: 1), port: 1), server: server, loop: loop)
            let connection = expectSuccess {
                try RPCConnection(
                    isServer: true, socket: OwnedDescriptor(adopting: socket),
                    tls: TLSConnection(server: FuzzAuthority.server), settings: .rpcServer, timing: RPCTiming(),
                    loop: loop, buffers: RPCFuzzing.buffers, owner: owner)
            }
            owner.start(connection)
            peer.run(loop, turns: 12)
            check(connection.isOpen, "a peer that keeps to the protocol is served")
            let mode = choices.byte()
            if mode & 1 == 0 {
                peer.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + HTTP2Frames.frame(4, 0, 0, []))
            }
            while !choices.isExhausted {
                if mode & 2 == 0 { peer.send(choices.call()) } else { peer.send(choices.take(200)) }
                if mode & 4 == 0 || choices.oneIn(8) { peer.run(loop, turns: 4) }
                if choices.oneIn(32) { owner.drain() }
            }
            peer.run(loop, turns: 8)
            if mode & 16 == 0 { peer.finish() }
            peer.run(loop, turns: 4)
            owner.close()
            loop.turn(waitingAtMost: .zero)
            check(connection.openStreamCount == 0, "a closed connection has no calls")
        }
        loop.turn(waitingAtMost: .zero)
        check(RPCFuzzing.begunCount - begun == RPCFuzzing.endedCount - ended, "every call ends once")
        check(FuzzedPeer.nextDescriptor == before, "no descriptor is left open")
    }
}

/// A server with one method of each kind.
private enum RPCFuzzing {
    // One thread uses them: libFuzzer calls a target on its main thread only.
    nonisolated(unsafe) static let loop = expectSuccess { try EventLoop() }
    nonisolated(unsafe) static let buffers = RPCBuffers()
    nonisolated(unsafe) static var begunCount = 0
    nonisolated(unsafe) static var endedCount = 0

    nonisolated(unsafe) static let server = expectSuccess {
        let server = try RPCServer(
            on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0), context: FuzzAuthority.server, loop: loop)
        server.serve("/a.B/C", unary: { _, request, answer in answer(.success(request)) })
        server.serve(
            "/a.B/D",
            stream: { stream in
                begunCount += 1
                var isOver = false
                stream.onMessage = { [weak stream] message in
                    check(
                        !isOver && message.count <= Limits.rpcRequestByteCountMax, "messages of an open call, bounded")
                    stream?.send(message + message)
                }
                stream.onFinished = { [weak stream] in stream?.finish() }
                stream.onEnded = { _ in
                    check(!isOver, "a call ends once")
                    isOver = true
                    endedCount += 1
                }
            })
        return server
    }
}

extension Choices {
    /// A frame of a call: mostly a head of gRPC or messages in its framing.
    fileprivate mutating func call() -> [UInt8] {
        let stream = UInt32(below(6)) * 2 + 1
        switch below(4) {
        case 0:
            var block: [UInt8] = []
            for (name, value) in [
                (":method", "POST"), (":scheme", "https"), (":path", pick(["/a.B/C", "/a.B/D", "/", ""])),
                (":authority", "x"), ("content-type", pick(["application/grpc", "application/grpc", "text/plain"])),
            ] { block += HTTP2Frames.literal(name, Array(value.utf8)) }
            if oneIn(3) {
                block += HTTP2Frames.literal("grpc-timeout", pick(["1n", "99999999H", "0S", "x"]).utf8.map { $0 })
            }
            return HTTP2Frames.frame(1, oneIn(3) ? 5 : 4, stream, block)
        case 1, 2:
            let message = take(below(40))
            let length = HTTP2Frames.bigEndian(oneIn(6) ? UInt32(below(65536)) << 12 : UInt32(message.count))
            return HTTP2Frames.frame(0, oneIn(3) ? 1 : 0, stream, [oneIn(8) ? 1 : 0] + length + message)
        default: return frame(.client)
        }
    }
}
