"""What the project holds itself to: ratios within one run, and bounds on memory."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    load: str
    figure: str
    ours: str
    # What is compared with; nothing for a bound.
    theirs: str | None
    limit: float
    is_minimum: bool = False

    @property
    def name(self):
        return f"{self.load} {self.figure}: {self.ours}" + (f" / {self.theirs}" if self.theirs else "")


@dataclass(frozen=True)
class Verdict:
    target: Target
    value: float

    @property
    def is_met(self):
        return self.value >= self.target.limit if self.target.is_minimum else self.value <= self.target.limit

    def cells(self):
        sign = ">=" if self.target.is_minimum else "<="
        return [self.target.name, f"{self.value:.2f}", f"{sign} {self.target.limit:g}", "met" if self.is_met else "missed"]


def latency(load):
    return [
        Target(load, "added_p50_us", "bare", "floor", 1.1),
        Target(load, "added_p50_us", "culvert", "envoy", 0.7),
        Target(load, "added_p50_us", "culvert", "bare", 1.25),
        Target(load, "p99_us", "culvert", "envoy", 0.8),
    ]


def throughput(load):
    return [
        Target(load, "cpu_s_per_gb", "bare", "floor", 1.1),
        Target(load, "cpu_s_per_gb", "culvert", "envoy", 0.9),
        Target(load, "cpu_s_per_gb", "culvert", "bare", 1.05),
        # Not below, beyond noise.
        Target(load, "gbit_per_s", "culvert", "envoy", 0.95, is_minimum=True),
    ]


LARGEST = "100000 workloads"
# Per chunk: what a buffer that grows once costs is spread over all of them.
NONE = 0.05

TARGETS = [
    *latency("pingpong"),
    *latency("paced"),
    Target("connect", "rate_per_s", "culvert", "envoy", 2, is_minimum=True),
    Target("connect", "cpu_us", "culvert", "envoy", 0.45),
    Target("cold", "rate_per_s", "culvert", "openssl", 0.85, is_minimum=True),
    *(target for direction in ("upload", "download") for flows in (1, 8) for target in throughput(f"{direction}-{flows}")),
    Target("rest", "rss_mib", "culvert", None, 14),
    Target("rest", "anon_mib", "culvert", None, 6),
    Target("rest", "per_pod_kib", "culvert", None, 100),
    Target("rest", "per_tunnel_kib", "culvert", None, 48),
    Target("streams", "per_stream_1000_kib", "culvert", None, 2),
    Target("streams", "per_stream_10000_kib", "culvert", None, 2),
    Target("streams", "after_ratio", "culvert", None, 1.1),
    Target("same-tunnel", "p99_ratio", "culvert", None, 2),
    Target("same-node", "p99_ratio", "culvert", None, 2),
    *(Target("decisions", f"{name}_us", LARGEST, None, 3) for name in ("route_to_service", "route_to_pod", "policy")),
    *(Target("decisions", f"{name}_update_us", LARGEST, None, 20) for name in ("workload", "policy")),
    Target("decisions", "bytes_per_workload", LARGEST, None, 1024),
    Target("first-load", "subscription_to_ready_s", "culvert", None, 2),
    *(Target(load, "rss_mib", "culvert", None, 180) for load in ("first-load", "resync", "load-again")),
    *(Target(load, "peak_mib", "culvert", None, 300) for load in ("first-load", "resync", "load-again")),
    Target("reach", "max_ms", "culvert", None, 10),
    Target("reach", "adopted_all_ms", "culvert", None, 10),
    Target("updates", "p99_ratio", "culvert", None, 1.1),
    *(
        Target("allocations", figure, f"{chunk}_{end}", None, NONE)
        for chunk in ("chunk_64", "chunk_16384", "upload_65536", "download_65536")
        for end in ("opener", "accepter")
        for figure in ("allocations", "retains")
    ),
]


def judge(load, summary):
    """The targets of a load for which this run has figures."""
    verdicts = []
    for target in TARGETS:
        value = summary.get(target.ours, {}).get(target.figure)
        if target.load != load or value is None:
            continue
        if target.theirs:
            divisor = summary.get(target.theirs, {}).get(target.figure)
            if not divisor or divisor <= 0:
                continue
            value /= divisor
        verdicts.append(Verdict(target, value))
    return verdicts
