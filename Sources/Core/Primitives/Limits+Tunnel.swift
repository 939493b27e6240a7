extension Limits {
    /// Bytes taken from one socket with one read: what a peer like us lays out at once (`outgoingFrameByteCount`), as
    /// ciphertext, so that the pieces for applications are as large as those that came from them.
    public static let receiveByteCountMax = 272 * 1024
    /// Frames that are laid out for a tunnel at once, and so the most that one DATA frame carries to a peer that takes
    /// large ones: sixteen TLS records full.
    public static let outgoingFrameByteCount = 16 * tlsRecordByteCount
    /// Pipes for plain bulk that a worker has in use: each takes two descriptors, also while its reader has stalled.
    public static let usedPipeCountMax = 256
    /// Pipes for plain bulk that a worker keeps while nobody uses them.
    public static let idlePipeCountMax = 4
    /// Bytes that one connection may take from its socket in one turn before its neighbours have their turn.
    public static let turnByteCountMax = 256 * 1024
    /// The same for all tunnels of a worker that send bulk.
    public static let workerTurnByteCountMax = 512 * 1024
    /// What a worker writes in one turn of what waits for applications: many that had stalled may read again at once.
    public static let workerTurnDrainByteCountMax = 256 * 1024
    /// What all plain relays of a worker move in one turn, beside a small piece for each that has moved no bulk.
    public static let workerTurnRelayByteCountMax = 512 * 1024
    /// What is read at once from a peer that may send small frames or records, and so many bytes of what it sends
    /// count as one until its neighbours have their turn: small pieces cost more than their bytes.
    public static let smallReceiveByteCountMax = 16 * 1024
    public static let smallReceiveFactor = 16
    /// Of its frames so many are taken before it is looked how long the turn has taken.
    public static let smallFrameCountPerLook = 32
    /// In a turn that has taken so long, no further requests are decided, and no more small frames taken.
    public static let peerTurnDuration: Duration = .microseconds(200)
    /// It is judged by so many bytes at a time.
    public static let smallReceiveJudgementByteCount = 64 * 1024
    /// What came earlier is forgotten if that was not so much by then.
    public static let smallReceiveSumNanoseconds: UInt64 = 100_000_000
    /// A read or a write that moves less counts as so much of a turn's share.
    public static let callCostByteCountMin = 1024
    /// For so long a peer that sent such counts as one that does.
    public static let smallReceiveNanoseconds: UInt64 = 10_000_000_000
    /// Such a tunnel that is read counts as so much of its source's share beyond what that took: what answers it is
    /// written later in the turn.
    public static let answerDuration: Duration = .microseconds(40)
    /// Frames are small when this is more than they have on average.
    public static let smallFrameByteCount = 512
    /// In a read of more frames, smaller pieces for one application are written together.
    public static let batchFrameCountMin: UInt64 = 8
    public static let heldPieceByteCountMax = 512
    /// Requests that a worker decides in one turn at most; the others wait for the next.
    public static let requestCountPerTurn = 4
    /// What these may hold; more are refused unbegun.
    public static let waitingRequestByteCountMax = 1 << 20
    /// Streams of lost tunnels that end in one turn, and stalled ones that are reset at once: each closes a connection
    /// and writes a line.
    public static let streamEndCountPerTurn = 4
    public static let streamCutInterval: Duration = .milliseconds(5)
    /// What the kernel takes for a tunnel beyond what it can send at once.
    public static let tunnelUnsentByteCountMax = 512 * 1024
    /// Time for the TCP connection to a peer (ztunnel).
    public static let connectDuration: Duration = .seconds(10)
    /// Time for the TLS handshake, from its first byte on either side.
    public static let handshakeDuration: Duration = .seconds(10)
    /// Time for the answer to a CONNECT request: the peer may itself spend `connectDuration` on its application.
    public static let connectResponseDuration: Duration = .seconds(25)
    /// How often a request that waits for that looks whether its tunnel still has a peer.
    public static let connectLookDuration: Duration = .seconds(1)
    /// Requests of one tunnel that are withdrawn before their answer since their applications have gone; the answers to
    /// more are awaited. A peer like us bears more than twice as many (`http2WithdrawnRequests`).
    public static let tunnelWithdrawals = RateLimit(burst: 1_000, perSecond: 200)
    /// Silence after which a tunnel is asked whether its peer lives (ztunnel).
    public static let keepAliveInterval: Duration = .seconds(10)
    /// Time for the answer to that (ztunnel).
    public static let keepAliveTimeout: Duration = .seconds(20)
    /// Silence after which a new stream brings such a question along.
    public static let keepAliveFreshDuration: Duration = .seconds(1)
    /// Time for the answer after which no new streams are opened until it comes, and those that wait for the answer to
    /// their request go elsewhere.
    public static let keepAliveDoubtDuration: Duration = .seconds(1)
    /// The payload of those pings, so that their answers are told from others.
    public static let keepAlivePayload: UInt64 = 0x3b7c_db7a_0b87_16b4
    /// Time for the peer to end a connection that we have ended in order.
    public static let tunnelFarewellDuration: Duration = .seconds(5)
    /// How long a relay may move not a byte: as long as kube-proxy has the kernel remember an idle connection to a
    /// Kubernetes Service.
    public static let silentDuration: Duration = .seconds(86_400)
    /// How long one direction may stay silent after the other has ended and been delivered.
    public static let halfClosedDuration: Duration = .seconds(3600)
    /// Streams that we open at once on one tunnel, unless the peer allows fewer (ztunnel's default).
    public static let tunnelStreamCountMax = 100
    /// Streams that a peer may have open at once on one tunnel to us.
    public static let tunnelAcceptedStreamCountMax: UInt32 = 1024
    /// Streams that a peer is trusted to take at once before it has said how many it does; what it refuses has not been
    /// begun and is tried again.
    public static let tunnelUnsettledStreamCountMax = 100
    /// Tunnels without streams that one pod keeps on one worker (ztunnel).
    public static let idleTunnelCountMax = 500
    /// Age without use after which a tunnel without streams is closed (ztunnel's default).
    public static let tunnelIdleDuration: Duration = .seconds(300)
    /// The same for a tunnel beside an older one to the same peer that has room.
    public static let tunnelSurplusDuration: Duration = .seconds(30)
    /// Bytes that a stream's peer may have under way to us at first, and at most.
    public static let streamWindowByteCount: UInt32 = 64 * 1024
    public static let streamWindowByteCountMax = 4 << 20
    /// By how much the windows on one tunnel may grow together, and all those of one worker.
    public static let tunnelWindowGrowthByteCountMax = 8 << 20
    public static let workerWindowGrowthByteCountMax = 16 << 20
    /// A window that was passed on quickly grows to so many times its size.
    public static let windowGrowthFactor = 4
    /// Quickly means within this time; a stream that did so this long ago moves bulk.
    public static let quickWindowNanoseconds: UInt64 = 250_000_000
    /// What the pieces of a flow come to on average if it moves bulk.
    public static let bulkPieceByteCountMin = 2048
    /// How long after a short message others are spared the queues that bulk makes.
    public static let interactiveNanoseconds: UInt64 = 100_000_000
    /// 10 Gbit/s.
    public static let fastLinkBytesPerNanosecond = 1.25
    /// A window beside which somebody waits for short messages is no smaller than this.
    public static let latencyWindowByteCountMin = 32 * 1024
    /// What may wait for applications that do not read: on one tunnel, on all of a node (the memory that holds it), and
    /// on streams whose peers want no more of them. With what 2,000 streams cost beside it that makes less than 32 MiB.
    public static let tunnelWaitingByteCountMax = 24 << 20
    public static let nodeWaitingByteCountMax = 25 << 20
    public static let lingeringByteCountMax = 4 << 20
    /// What a stream of the last kind counts as at least.
    public static let lingeringStreamByteCountMin = 8 * 1024
    /// With more memory than this full of bytes for tunnels whose sockets take none, a worker encrypts a single record
    /// at a time.
    public static let workerUnsentByteCountMax = 4 << 20
    /// How often a tunnel that is not read is looked at, and for how long it bears streams that are stalled.
    public static let stalledStreamInterval: Duration = .milliseconds(100)
    public static let stalledStreamDuration: Duration = .seconds(2)
    /// How long streams may go on after their peer's certificate has ended: as long again as one usually holds.
    public static let expiredTunnelDuration: Duration = .seconds(86_400)
    /// How long it is not looked whether a peer's certificate has ended.
    public static let proofLookDurationMax: Duration = .seconds(300)
    /// How long the peer of such a tunnel has to learn that it is to open no more.
    public static let expiredTunnelAnswerDuration: Duration = .seconds(5)
}
