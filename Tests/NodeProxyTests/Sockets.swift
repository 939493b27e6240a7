import Glibc
import System

func write(_ text: String, to socket: borrowing OwnedDescriptor) throws {
    _ = try unsafe Array(text.utf8).withUnsafeBytes { bytes in try unsafe socket.write(bytes) }
}

/// What comes next: text, the empty text at the end, or nil when nothing comes.
func read(_ socket: borrowing OwnedDescriptor) throws -> String? {
    var room = [UInt8](repeating: 0, count: 65536)
    for _ in 0..<500 {
        let outcome = try unsafe room.withUnsafeMutableBytes { try unsafe socket.read(into: $0) }
        switch outcome {
        case .bytes(let count): return String(decoding: room[..<count], as: UTF8.self)
        case .endOfStream: return ""
        case .wouldBlock: usleep(10_000)
        }
    }
    return nil
}

/// Sends everything, waiting where the socket is full; false when it takes longer than a minute or fails.
func sendAll(_ bytes: [UInt8], to socket: borrowing OwnedDescriptor) -> Bool {
    var sent = 0
    for _ in 0..<60_000 {
        guard sent < bytes.count else { return true }
        let outcome = try? unsafe bytes.withUnsafeBytes {
            try unsafe socket.write(UnsafeRawBufferPointer(rebasing: $0[sent...]))
        }
        switch outcome {
        case .bytes(let count): sent += count
        case .wouldBlock: usleep(1000)
        case .endOfStream, .none: return false
        }
    }
    return false
}
