extension Limits {
    /// Name servers that are asked, of those that resolv.conf names (resolv.conf(5)).
    public static let nameServerCountMax = 3
    /// The longest resolv.conf that is read.
    public static let resolverFileByteCountMax = 64 * 1024
    /// How long a name server is waited for, and how often all of them are asked again, where resolv.conf does not say
    /// (resolv.conf(5)); and the most that it may say.
    public static let nameServerTimeout: Duration = .seconds(5)
    public static let nameServerTimeoutSecondsMax = 30
    public static let nameServerRetryCount = 2
    public static let nameServerRetryCountMax = 5
    /// How long one question takes in all before it is given up.
    public static let nameExchangeDuration: Duration = .seconds(15)
    /// Datagrams that are no answer after which a name server is given up for this time.
    public static let nameServerStrayCountMax = 64
    /// The datagram that is asked for in a lookup of our own: it fits any path (the DNS flag day of 2020).
    public static let nameAnswerByteCountMax: UInt16 = 1232
    /// Questions of one pod under way to name servers at once on one worker; more are answered SERVFAIL.
    public static let forwardedQueryCountMax = 256
    /// Questions taken from one socket of a pod before others have their turn.
    public static let queryCountPerTurn = 16
    /// TCP connections of one pod on which names are asked, at once on one worker; more are refused.
    public static let queryConnectionCountMax = 64
    /// Questions under way on one of them; more stay in the kernel.
    public static let queryPipelineCountMax = 16
    /// How long such a connection may take for its next question (ztunnel).
    public static let queryConnectionDuration: Duration = .seconds(5)
    /// How long an address of a service may be believed (ztunnel).
    public static let serviceNameSeconds: UInt32 = 30

    /// Host names whose addresses a worker remembers (ztunnel).
    public static let resolutionCountMax = 4096
    /// Addresses of one name and family that are kept; nobody chooses among more.
    public static let resolvedAddressCountMax = 256
    /// Host names looked up at once, and connections that wait for one of them.
    public static let resolutionUnderWayCountMax = 256
    public static let resolutionWaiterCountMax = 1024
    /// The longest time that addresses are believed, whatever the name server says.
    public static let resolutionDurationMax: Duration = .seconds(3600)
    /// The same for a name without addresses, and what counts where the name server does not say.
    public static let negativeResolutionDurationMax: Duration = .seconds(60)
    public static let negativeResolutionDuration: Duration = .seconds(5)
    /// How long a failed lookup is not repeated (RFC 9520 section 3.2 asks for a second at least).
    public static let failedResolutionDuration: Duration = .seconds(1)
    /// How long the addresses of one family wait for those of the other.
    public static let otherFamilyDuration: Duration = .milliseconds(250)

    /// How long a SOCKS client may take to say where it wants to go, names included.
    public static let socksHandshakeDuration: Duration = .seconds(20)
    /// SOCKS clients of one pod that have not said so yet, at once on one worker.
    public static let socksHandshakeCountMax = 256
}
