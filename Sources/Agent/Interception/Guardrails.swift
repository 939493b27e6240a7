/// Rules that drop all TCP and UDP while the rules of capture are being replaced: for that moment the pod's traffic
/// stops, rather than leave uncaptured. They live in a chain whose name makes the next reconciliation clear them
/// away, should the agent die in between.
public enum Guardrails {
    /// The chain that drops.
    public static let chain = "ISTIO_GUARD"

    /// Puts them first in the way of every packet.
    public static let installation = """
        *filter
        -N \(chain)
        -A \(chain) -p tcp -j DROP
        -A \(chain) -p udp -j DROP
        -I INPUT 1 -j \(chain)
        -I FORWARD 1 -j \(chain)
        -I OUTPUT 1 -j \(chain)
        COMMIT

        """
}
