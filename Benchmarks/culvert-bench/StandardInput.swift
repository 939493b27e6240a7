import EventLoop
import Glibc
import Primitives
import System

/// Hands over the lines of standard input, and tells when it ends.
final class StandardInput: EventHandler {
    private let descriptor = OwnedDescriptor(adopting: STDIN_FILENO)
    private let line: (String) -> Void
    private let ended: () -> Void
    private var text: [UInt8] = []

    init(
        loop: EventLoop, line: @escaping (String) -> Void = { _ in }, ended: @escaping () -> Void
    ) throws(Errno) {
        self.line = line
        self.ended = ended
        _ = fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK)
        _ = try loop.register(descriptor, handler: self)
    }

    func ready(_ events: ReadyEvents) {
        read()
        if events.contains(.hangUp) { ended() }
    }

    private func read() {
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe Glibc.read(descriptor.raw, &piece, piece.count)
            guard count > 0 else { return }
            text += piece[..<count]
            while let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                let words = String(decoding: text[..<end], as: UTF8.self)
                text.removeSubrange(...end)
                line(words)
            }
        }
    }
}
