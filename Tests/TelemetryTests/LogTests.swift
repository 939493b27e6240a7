import Glibc
import Primitives
@testable import Telemetry
import Testing

@Suite struct LogTests {
    private static func line(_ format: LogFormat, scope: String = "access") -> String {
        var line = LogLine(
            format, time: WallTime(nanoseconds: 1_787_227_200_123_456_789), level: .info, scope: scope,
            message: "connection complete")
        line.bare("src.addr", Endpoint(IPAddress(v4: 0x0a01_0005), port: 40000))
        line.append(.text("src.workload", "web-0"))
        line.text("error", "a \"b\"\n\u{1f}\\")
        line.text("id") { part in
            part.append(escaping: "x/")
            part.append(escaping: "\"")
        }
        line.bare("bytes_sent", 11)
        line.append(.bare("raw", "\"q\""))
        return String(decoding: line.finish(), as: UTF8.self)
    }

    @Test func `a plain line has ztunnel's form`() {
        #expect(
            Self.line(.plain) == "2026-08-20T12:00:00.123456Z\tinfo\taccess\tconnection complete\t"
                + #"src.addr=10.1.0.5:40000 src.workload="web-0" error="a \"b\"\n\u001f\\" id="x/\"" "#
                + #"bytes_sent=11 raw="q""# + "\n")
    }

    @Test func `a JSON line quotes all values but numbers`() {
        #expect(
            Self.line(.json) == #"{"level":"info","time":"2026-08-20T12:00:00.123456Z","scope":"access","#
                + #""message":"connection complete","src.addr":"10.1.0.5:40000","src.workload":"web-0","#
                + #""error":"a \"b\"\n\u001f\\","id":"x/\"","bytes_sent":11,"raw":"\"q\""}"# + "\n")
    }

    @Test func `a JSON line keeps the scope of access and prefixes the others`() {
        #expect(Self.line(.json).contains("\"scope\":\"access\""))
        #expect(Self.line(.json, scope: "xds::client").contains("\"scope\":\"ztunnel::xds::client\""))
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000Z"), (951_782_400, "2000-02-29T00:00:00.000000Z"),
        (4_107_542_399, "2100-02-28T23:59:59.000000Z"), (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.000000Z"),
    ])
    func `times are written in the Gregorian calendar`(seconds: Int64, text: String) {
        let line = LogLine(.plain, time: WallTime(seconds: seconds), level: .info, scope: "test", message: "")
        #expect(String(decoding: line.finish(), as: UTF8.self).hasPrefix(text + "\t"))
    }

    @Test func `the filter takes ztunnel's directives`() throws {
        let filter = try #require(LogFilter.standard.adding("warn,access=debug,ztunnel::xds=off"))
        #expect(filter.admits(.debug, "access") && !filter.admits(.trace, "access"))
        #expect(
            !filter.admits(.error, "xds::client") && !filter.admits(.info, "proxy") && filter.admits(.warn, "proxy"))
        #expect(LogFilter.standard.adding("loud") == nil && LogFilter.standard.adding("a=b=c") == nil)
    }

    @Test func `a reader that goes away ends neither the logger nor the process`() throws {
        var ends: [Int32] = [0, 0]
        #expect(unsafe pipe(&ends) == 0)
        let logger = try Logger(descriptor: ends[1])
        close(ends[0])
        logger.log(.info, "test", "unread")
        logger.flush()
        #expect(logger.isOn(.info, "test"))
        // Left open: the logger's thread may still write to it.
    }

    @Test func `lines logged by any thread are written whole`() throws {
        var ends: [Int32] = [0, 0]
        #expect(unsafe pipe(&ends) == 0)
        let logger = try Logger(descriptor: ends[1])
        for number in 0..<100 { logger.log(.info, "test", "line", [.bare("number", number)]) }
        logger.log(.debug, "test", "unseen")
        logger.flush()
        close(ends[1])
        var text: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe read(ends[0], &room, room.count)
            guard count > 0 else { break }
            text += room[..<count]
        }
        close(ends[0])
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 100)
        #expect(lines.last?.hasSuffix("\tinfo\ttest\tline\tnumber=99") == true)
    }
}
