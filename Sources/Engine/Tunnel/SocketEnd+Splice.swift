import System

/// Bytes that pass in the kernel.
extension SocketEnd {
    /// Takes what is there into an empty pipe.
    mutating func read(into pipe: SplicePipe, limit: Int) throws(Errno) -> IOOutcome {
        guard isReadable else { return .wouldBlock }
        let outcome = try pipe.fill(from: descriptor, limit: limit)
        note(outcome)
        return outcome
    }

    /// Gives the kernel what is in the pipe, as far as it takes it; nothing may wait before it.
    func drain(_ pipe: SplicePipe) throws(Errno) {
        while pipe.count > 0 {
            guard case .bytes = try pipe.drain(into: descriptor) else { return }
        }
    }
}
