import Glibc
import Primitives
import System
import TLS

/// The `openssl` program as a peer, over loopback.
final class OpenSSLProgram {
    private let folder: String
    private var child: ChildProcess?

    /// Writes the files that the program reads.
    init(_ credentials: TLSCredentials, key: PrivateKey) throws {
        folder = "/tmp/culvert-tls-\(String(Entropy.uint64(), radix: 16))"
        try FileSystem.makeDirectory(folder, mode: 0o700)
        try FileSystem.write(credentials.chain.flatMap(\.pem), to: "\(folder)/chain.pem", mode: 0o600)
        try FileSystem.write(credentials.roots.flatMap(\.pem), to: "\(folder)/roots.pem", mode: 0o600)
        try FileSystem.write(key.pem(), to: "\(folder)/key.pem", mode: 0o600)
    }

    deinit {
        _ = try? child?.stop()
        _ = try? ChildProcess.run(["rm", "-rf", folder])
    }

    var identification: [String] { ["-cert", "\(folder)/chain.pem", "-key", "\(folder)/key.pem"] }
    var roots: [String] { ["-CAfile", "\(folder)/roots.pem"] }

    /// Everything that it has printed.
    var output: String { String(decoding: (try? FileSystem.read("\(folder)/output")) ?? [], as: UTF8.self) }

    /// Starts it with each of `inputs` to read in turn; the input then stays open for a while.
    func start(_ arguments: [String], inputs: [String] = []) throws {
        var options = ChildProcess.Options()
        options.output = .appending(path: "\(folder)/output")
        options.errors = .appending(path: "\(folder)/output")
        options.environment = ["PATH=/usr/bin:/bin"]
        let printing = inputs.map { "printf '\($0)'; sleep 0.2; " }.joined()
        let script = "(\(printing) sleep 3) | exec openssl \"$@\""
        child = try ChildProcess.spawn(["sh", "-c", script, "openssl"] + arguments, options: options)
    }
}

/// A connection over a real socket, driven until something has happened.
final class Link {
    let socket: OwnedDescriptor
    let end: End

    init(socket: consuming OwnedDescriptor, end: End) {
        self.socket = socket
        self.end = end
    }

    /// - Returns: false if it has not happened within ten seconds.
    func run(until happened: () -> Bool) throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let deadline = MonotonicClock.now() + .seconds(10)
        while MonotonicClock.now() < deadline {
            try flush()
            if happened() { return true }
            switch try unsafe buffer.withUnsafeMutableBytes({ unsafe try socket.read(into: $0) }) {
            case .bytes(let count): end.receive(Array(buffer[..<count]))
            case .endOfStream: return happened()
            case .wouldBlock: usleep(1_000)
            }
        }
        return false
    }

    private func flush() throws {
        let output = end.output()
        guard !output.isEmpty else { return }
        // Far less than a socket's buffer.
        _ = try unsafe output.withUnsafeBytes { unsafe try socket.write($0) }
    }
}
