extension Limits {
    /// The largest request on a discovery stream: one that names every resource which a returning node holds.
    public static let discoveryRequestByteCountMax = 32 << 20

    /// How long a certificate of the control plane's own server is valid.
    public static let serverCertificateLifetime = Duration.seconds(7 * 86_400)

    /// After this long the server is given a new certificate.
    public static let serverCertificateRenewal = Duration.seconds(86_400)

    /// How long calls and connections may take to end when the control plane stops.
    public static let controlDrainDuration = Duration.seconds(2)
}
