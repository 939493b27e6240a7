extension Limits {
    /// The longest packet on the enrolment socket, in bytes (istio-cni, ztunnel).
    public static let enrolmentPacketByteCountMax = 1024
    /// How long a node proxy has for its hello and for each answer (istio-cni).
    public static let enrolmentAnswerTimeMax = Duration.seconds(5)
    /// Time between two node proxies that are let in: five a second (istio-cni).
    public static let enrolmentAcceptIntervalMin = Duration.milliseconds(200)
    /// How long the last rules of a pod that leaves the mesh outlive those that capture: time for the node proxy to end
    /// what it had.
    public static let releaseDuration: Duration = .seconds(1)
    /// Time after which a pod that was refused is offered again (istio-cni's longest).
    public static let enrolmentRetryInterval = Duration.seconds(5)
}
