import Primitives
import System
import Testing

/// Needs root.
@Suite struct NetworkNamespaceTests {
    @Test func `the thread is inside during the body and home after it`() throws {
        try withNamespace { namespace in
            let home = try NetworkNamespace.current()
            #expect(home.key != namespace.key)
            let inside = try namespace.perform { () throws(Errno) in try NetworkNamespace.current().key }
            #expect(inside == namespace.key)
            #expect(try NetworkNamespace.current().key == home.key)
            let again = try namespace.perform(from: home) { () throws(Errno) in try NetworkNamespace.current().key }
            #expect(again == namespace.key)
        }
    }

    @Test func `an error inside still brings the thread home`() throws {
        try withNamespace { namespace in
            let home = try NetworkNamespace.current().key
            #expect(throws: Errno.exists) { try namespace.perform { () throws(Errno) in throw Errno.exists } }
            #expect(try NetworkNamespace.current().key == home)
        }
    }

    @Test func `a child started inside lives inside`() throws {
        try withNamespace { namespace in
            let result = try namespace.perform { () throws(Errno) in try ChildProcess.run(["ip", "-o", "link"]) }
            #expect(String(decoding: result.output, as: UTF8.self).split(separator: "\n").count == 1)
        }
    }

    @Test func `parameters are those of the namespace`() throws {
        try withNamespace { namespace in
            let read = { () throws(Errno) in
                try namespace.perform { () throws(Errno) in
                    try ChildProcess.run(["cat", "/proc/sys/net/ipv4/ip_forward"]).output
                }
            }
            #expect(try read() == Array("0\n".utf8))
            try namespace.setParameter("net/ipv4/ip_forward", to: "1")
            #expect(try read() == Array("1\n".utf8))
            #expect(throws: Errno.noEntry) { try namespace.setParameter("net/ipv4/no_such", to: "1") }
        }
    }

    @Test func `a descriptor of anything else is refused when it is entered`() throws {
        let socket = try SequencedPacketSocket.listen(path: "/tmp/culvert-ns-\(Entropy.uint64()).sock")
        let impostor = try NetworkNamespace(adopting: socket)
        #expect(throws: Errno.invalid) { try impostor.perform { () throws(Errno) in } }
    }
}
