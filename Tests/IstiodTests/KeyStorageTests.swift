import Primitives
import System
import Testing

/// Where private keys are kept. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct KeyStorageTests {
    /// Runs a program where no file system can be written to, and nothing else is different.
    private static let unwritable = """
        set -e
        root=/mnt
        mount --make-rprivate / 2> /dev/null || true
        mount --rbind / "$root"
        mount -t tmpfs none "$root/tmp"
        while read -r _ place kind _; do
            case $place in "$root" | "$root"/*) ;; *) continue ;; esac
            case $kind in proc | sysfs | cgroup*) continue ;; esac
            # Another may lie over it.
            mount -o remount,bind,ro "$place" 2> /dev/null || true
        done < /proc/self/mounts
        for folder in / /tmp /var/tmp /run /root /dev/shm "$PWD" "${1%/*}"; do
            if touch "$root$folder/written" 2> /dev/null; then echo "$folder can be written to"; exit 1; fi
        done
        exec chroot "$root" "$1"
        """

    @Test func `certificates are had, renewed and used where no key could be written to a disk`() throws {
        let node = try LoneNode()
        let istiod = node.istiod
        istiod.tell("ca", #""lifetime": 4"#)
        istiod.tell("put", Json.put("address", Json.workload("web", address: "10.78.1.1", node: "n1")))
        try node.start(by: ["unshare", "--mount", "bash", "-c", Self.unwritable, "unwritable"])
        let isRenewed = node.wait(atMost: .seconds(30)) { istiod.all("certificate", "sa/web\"").count >= 3 }
        #expect(isRenewed, "\(node.lines("").suffix(20).joined(separator: "\n"))")
        let received = node.lines("certificate received")
        #expect(received.count >= 2, "\(received)")
        #expect(node.lines("Read-only file system").isEmpty, "it tried to write")
    }
}
