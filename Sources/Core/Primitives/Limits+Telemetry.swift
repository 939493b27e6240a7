extension Limits {
    /// Room for a line of the log, which grows for those that are longer.
    public static let logLineRoomByteCount = 512
    /// Log text that may wait for a slow reader; further lines are dropped and counted.
    public static let logByteCountMax = 1 << 20
    /// How long the first of several lines waits for the others.
    public static let logGatheringDuration: Duration = .milliseconds(5)
    /// The longest value of a label; a name of Kubernetes or of DNS is shorter.
    public static let metricLabelByteCountMax = 512
    /// Sets of traffic labels that one worker keeps; connections beyond them are counted in one set.
    public static let trafficSeriesCountMax = 2048
    /// Those up to which traffic of workloads that have left the mesh is reported for as long as below.
    public static let trafficSeriesCalmCount = 512
    /// Those of them whose labels a peer chose, as callers behind a gateway do.
    public static let foreignTrafficSeriesCountMax = 512
    /// Sets of labels that one worker finds without writing them out.
    public static let trafficShortcutCountMax = 512
    /// Kinds of questions for names, and pairs of a client and a hostname, that one worker tells apart.
    public static let nameSeriesCountMax = 1024
    /// Types of resources whose responses are told apart.
    public static let discoveryTypeCountMax = 8
    /// How long traffic of a workload that has left the mesh is still reported.
    public static let trafficSeriesIdleDuration: Duration = .seconds(600)
}
