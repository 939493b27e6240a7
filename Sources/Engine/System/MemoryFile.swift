internal import CLinux

/// A file without a name, in memory: what a child process reads and writes, with nobody pumping.
struct MemoryFile: ~Copyable {
    let descriptor: OwnedDescriptor

    /// A file that holds `bytes`, to be read from the start.
    init(holding bytes: [UInt8]) throws(Errno) {
        let made = try Self.make()
        var written = 0
        while written < bytes.count {
            let rest = bytes[written...]
            let count = unsafe rest.withUnsafeBytes { unsafe CLinux.write(made.raw, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Errno.current }
            written += count
        }
        guard lseek(made.raw, 0, SEEK_SET) == 0 else { throw Errno.current }
        descriptor = made
    }

    /// An empty file that refuses to take more than `byteCountMax` bytes.
    init(byteCountMax: Int) throws(Errno) {
        let made = try Self.make()
        // It has its full size from the start and may not grow; how much was written shows in the shared file offset.
        guard ftruncate(made.raw, off_t(byteCountMax)) == 0 else { throw Errno.current }
        guard culvert_fcntl(made.raw, CULVERT_F_ADD_SEALS, CULVERT_F_SEAL_GROW) == 0 else { throw Errno.current }
        descriptor = made
    }

    /// What was written up to now.
    borrowing func contents() throws(Errno) -> [UInt8] {
        let end = lseek(descriptor.raw, 0, SEEK_CUR)
        guard end >= 0 else { throw Errno.current }
        var bytes = [UInt8](repeating: 0, count: Int(end))
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(descriptor.raw, $0.baseAddress, $0.count, 0) }
        guard count == bytes.count else { throw Errno.current }
        return bytes
    }

    private static func make() throws(Errno) -> OwnedDescriptor {
        let raw = unsafe memfd_create("culvert", CULVERT_MFD_CLOEXEC | CULVERT_MFD_ALLOW_SEALING)
        guard raw >= 0 else { throw Errno.current }
        return OwnedDescriptor(adopting: raw)
    }
}
