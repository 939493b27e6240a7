extension Limits {
    /// Signing calls to the CA at one time. Source: ztunnel.
    public static let signingCallCountMax = 8

    /// Identities that one node keeps certificates for; several times the pods that fit on one.
    public static let certificateIdentityCountMax = 4_096

    /// Waiters for one identity's certificate; further ones are turned away.
    public static let certificateWaiterCountMax = 16_384

    /// The first wait after a failed signing call; it doubles with each failure. Source: ztunnel.
    public static let signingBackoffMin = Duration.seconds(1)

    /// The longest wait after a failed signing call. Source: ztunnel.
    public static let signingBackoffMax = Duration.seconds(150)

    /// The shortest span from a certificate to its renewal, whatever lifetime the CA gives it.
    public static let certificateRenewalSpanMin = Duration.seconds(1)

    /// How long a certificate is kept that no workload of the node needs: Kubernetes lets five minutes pass before it
    /// starts a failing container again.
    public static let certificateForgetDuration = Duration.seconds(600)

    /// The time that the CA has for one answer.
    public static let signingCallDurationMax = Duration.seconds(30)

    /// Elements of the CA's answer: a leaf, its intermediates, the roots.
    public static let signedChainCountMax = 16
}
