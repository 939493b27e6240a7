/// Why the control plane cannot be asked: something of ours is missing or broken.
public struct AccessFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
