public import Primitives
public import System
public import Wire

/// Name servers and the way to them.
public struct NameServers {
    /// Makes a socket that is connected to a server, or that is connecting.
    public typealias Dial = (Endpoint, DNSQuery.Transport) throws(Errno) -> OwnedDescriptor

    public var configuration: ResolverConfiguration
    public let dial: Dial

    public init(_ configuration: ResolverConfiguration, dial: @escaping Dial) {
        self.configuration = configuration
        self.dial = dial
    }
}
