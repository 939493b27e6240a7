extension Limits {
    /// Connections that wait in a listener's queue: as many as kernels take by default (`somaxconn`). What comes beyond
    /// gets SYN cookies, and while the queue is full the kernel resets those clients whose bytes and FIN come in two
    /// segments; with ztunnel's 128 that took no more than a busy moment.
    public static let listenBacklogCount = 4096
    /// Connections that one worker takes from one listener before others have their turn.
    public static let acceptCountPerTurn = 16
    /// How long a listener rests after what waits there could not be taken, perhaps for want of descriptors.
    public static let listenerPauseDuration: Duration = .milliseconds(100)
    /// How long a connection waits for its workload's record and certificate (ztunnel).
    public static let workloadWaitDuration: Duration = .seconds(5)
    /// Connections of one pod that may wait for these at once on one worker.
    public static let waitingConnectionCountMax = 1024
    /// Names of resources that one connection may have asked for on its behalf.
    public static let learnedNameCountMax = 16
    /// Peers of one pod, from one address and on one worker, that may be at their handshakes at once. A pod that opens
    /// 10,000 streams at once needs 100 tunnels.
    public static let strangerCountPerSourceMax = 256
    /// Tunnels that a node takes from one address, to all of its pods together, unless the operator says
    /// otherwise; with what each costs that makes less than 32 MiB. A pod needs one for each pod that it calls, and
    /// more beyond a hundred streams to the same.
    public static let sourceTunnelCountMax = 512
    /// How often a worker repeats a warning that every connection could give.
    public static let repeatedWarningInterval: Duration = .seconds(10)
    /// Attempts to take one connection to an endpoint before it fails, without the first one to each that fails for no
    /// fault of the endpoint.
    public static let connectAttemptCountMax = 3
    /// How long the gateway of a network has to end its stream after the tunnel within has ended.
    public static let innerTunnelFarewellDuration: Duration = .seconds(1)
    /// How long after an application's early FIN it is looked whether the application is gone, at first and at most.
    public static let departureLookDurationMin: Duration = .milliseconds(20)
    public static let departureLookDurationMax: Duration = .seconds(1)
    /// How long a tunnel outlives the workload that it leads to, when it carries nothing.
    public static let departedTunnelDuration: Duration = .milliseconds(100)
    /// How long a workload's policies stay as they were, and new connections to one that had none wait, while it
    /// names one that is not known yet. The control plane tells of workloads and of policies in separate messages, one
    /// right after the other.
    public static let unknownPolicyDuration: Duration = .milliseconds(500)
    /// Live connections decided again in one turn after a change of policies.
    public static let reevaluationCountPerTurn = 256
    /// The longest message of the interception agent (ztunnel).
    public static let enrolmentMessageByteCountMax = 1024
    /// How long a pod that is new to the agent waits for the mesh before it is refused; the agent gives an answer 5 s
    /// (istio-cni).
    public static let earlyEnrolmentDuration: Duration = .seconds(3)
    /// How long pods that could not be started wait for the next attempt (ztunnel).
    public static let enrolmentRetryDuration: Duration = .seconds(5)
    /// The first pause before the interception agent is dialled again, doubled up to the last (ztunnel's 20 ms and 15
    /// s).
    public static let enrolmentReconnectDurationMin: Duration = .milliseconds(20)
    public static let enrolmentReconnectDurationMax: Duration = .seconds(15)
    /// Where probes ask whether the node is ready (ztunnel).
    public static let readinessPort: UInt16 = 15021
    /// The page of metrics (ztunnel).
    public static let metricsPort: UInt16 = 15020
    /// The operator's pages, on the loopback address only (ztunnel).
    public static let adminPort: UInt16 = 15000
    /// How long the log is silent about the first load, at first and in the end.
    public static let firstLoadReportIntervalMin: Duration = .seconds(1)
    public static let firstLoadReportIntervalMax: Duration = .seconds(30)
    /// How often it is looked whether the process is quiet, and so how long quiet lasts at least.
    public static let quietDuration: Duration = .seconds(1)
    /// Processor time within `quietDuration` up to which the process counts as quiet: one part in a hundred.
    public static let quietProcessorDurationMax: Duration = .milliseconds(10)
    /// Processor time after which there may be memory to give back once more.
    public static let busyProcessorDurationMin: Duration = .milliseconds(15)
    /// Looks after which a quiet process gives memory back whatever it has spent: idle tunnels that went, say.
    public static let quietLookCountMax = 60
    /// How often it is looked whether a busy process has grown.
    public static let growthLookDuration: Duration = .seconds(10)
    /// What a process must have grown by, in bytes and as one part of so many, to give memory back though it is busy.
    public static let growthByteCountMin = 2 << 20
    public static let growthPartMin = 4
    /// Time for the workers to give back theirs before the process does.
    public static let memoryReleasePauseDuration: Duration = .milliseconds(50)
    /// Policies named to explain that none of them allows a connection.
    public static let explainedPolicyCountMax = 8
}
