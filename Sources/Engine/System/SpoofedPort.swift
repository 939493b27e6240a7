/// The port of a connection that we make in a client's name.
///
/// In the pod's network namespace the client's own connections to the application and ours in its name have the same
/// addresses. Were a port the same too, the kernel's connection tracking would take one for the other, and the client
/// would wait in vain for as long as ours lasts. A kernel gives ports of one parity to those who connect, as long as it
/// has any (`__inet_hash_connect`): ours are of the other one.
enum SpoofedPort {
    /// How often another port is chosen because one is taken, before it is done at greater cost, or left to the kernel.
    static let attemptCountMax = 8

    /// What kernels give out by default (`ip_local_port_range`).
    private static let range: ClosedRange<UInt16> = 32768...60999

    /// A port of the other parity than the client's own.
    static func choose(apartFrom port: UInt16, random: UInt64) -> UInt16 {
        let pairCount = UInt64(range.count / 2)
        return range.lowerBound + UInt16(random % pairCount) * 2 + (port % 2 == 0 ? 1 : 0)
    }
}
