import Primitives

@testable import RPC

extension FuzzTarget {
    /// Messages come out whole and in order however their bytes arrive, and what is written is read back.
    static let grpc = FuzzTarget("grpc") { bytes in
        let whole = framing(bytes, pieceByteCount: .max)
        let single = framing(bytes, pieceByteCount: 1)
        check(whole.messages == single.messages && whole.failure == single.failure, "pieces make no difference")
        var queue = ByteQueue()
        for message in whole.messages { MessageFraming.append(message, to: &queue) }
        check(bytes.starts(with: queue.readable), "what is written is what was read")

        let text = String(decoding: bytes, as: UTF8.self)
        check(PercentEncoding.decode(PercentEncoding.encode(text)) == text, "a message is read as it was written")
        check(PercentEncoding.encode(text).allSatisfy { (0x20...0x7e).contains($0) }, "a message is visible ASCII")
        _ = PercentEncoding.decode(bytes)
        if let span = RPCTimeout.parse(text) {
            check(span >= .zero, "a timeout is not negative")
            // We write no more than eight digits of seconds.
            let most = min(span, .seconds(99_999_999))
            let again = RPCTimeout.parse(RPCTimeout.encode(span))
            check(
                again.map { $0 <= most && most - $0 < max(.milliseconds(1), most / 10_000) } ?? false, "\(text) \(span)"
            )
        }
        let status = RPCStatus(trailers: [
            HTTPField("grpc-status", bytes: bytes), HTTPField("grpc-message", bytes: bytes),
        ])
        check(status != nil || String(validating: bytes, as: UTF8.self) == nil, "a status is one")
        if let status {
            check(RPCStatus(trailers: status.trailers)?.code == status.code, "a code is read as it was written")
        }
    }

    private static func framing(_ bytes: [UInt8], pieceByteCount: Int) -> (messages: [[UInt8]], failure: RPCStatus?) {
        var assembly = MessageAssembly(byteCountMax: 1000)
        var messages: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(pieceByteCount)
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { assembly.append($0) }
            do throws(RPCStatus) {
                while let message = try assembly.next() {
                    check(message.count <= 1000, "messages are bounded")
                    messages.append(message)
                }
            } catch {
                return (messages, error)
            }
        }
        return (messages, nil)
    }
}
