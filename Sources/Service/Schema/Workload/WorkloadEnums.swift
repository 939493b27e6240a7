/// How a workload is reached.
public struct TunnelProtocol: ProtobufEnum {
    public static let names = ["NONE", "HBONE", "LEGACY_ISTIO_MTLS"]
    public static let none = TunnelProtocol(rawValue: 0)
    public static let hbone = TunnelProtocol(rawValue: 1)
    public static let legacyIstioMTLS = TunnelProtocol(rawValue: 2)

    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// Whether a workload takes traffic.
public struct WorkloadStatus: ProtobufEnum {
    public static let names = ["HEALTHY", "UNHEALTHY"]
    public static let healthy = WorkloadStatus(rawValue: 0)
    public static let unhealthy = WorkloadStatus(rawValue: 1)

    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// What owns a workload; `deployment` also stands for "not said".
public struct WorkloadType: ProtobufEnum {
    public static let names = ["DEPLOYMENT", "CRONJOB", "POD", "JOB"]
    public static let deployment = WorkloadType(rawValue: 0)
    public static let cronJob = WorkloadType(rawValue: 1)
    public static let pod = WorkloadType(rawValue: 2)
    public static let job = WorkloadType(rawValue: 3)

    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// Whether a workload has addresses of its own or shares those of its host.
public struct NetworkMode: ProtobufEnum {
    public static let names = ["STANDARD", "HOST_NETWORK"]
    public static let standard = NetworkMode(rawValue: 0)
    public static let hostNetwork = NetworkMode(rawValue: 1)

    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
}
