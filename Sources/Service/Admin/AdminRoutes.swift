import HTTP1
import Primitives
public import Telemetry

/// The operator's pages, as ztunnel has them. What they show and do is put in by the program.
public struct AdminRoutes {
    /// The state as JSON, at once or later; without it there is no such page.
    public var dump: ((_ answer: @escaping ([UInt8]) -> Void) -> Void)?
    /// Begins a graceful end.
    public var quit: () -> Void = {}
    private let logger: Logger
    private let startFilter: LogFilter

    public init(logger: Logger) {
        self.logger = logger
        startFilter = logger.filter
    }

    /// Puts the pages into a service.
    public func install(in service: HTTPService) {
        let pages = Self.pages.filter { $0.path != "config_dump" || dump != nil }
        service.serve("/") { _ in HTTPResponse(200, text: Self.overview(pages), type: "text/html; charset=utf-8") }
        if let dump {
            service.serve("/config_dump") { _, answer in
                dump { answer(HTTPResponse(200, fields: [HTTPField("content-type", "application/json")], body: $0)) }
            }
        }
        let quit = quit
        service.serve("/quitquitquit") { request in
            guard request.method == "POST" else { return HTTPResponse(405) }
            quit()
            return HTTPResponse(200, text: "shutdown now\n")
        }
        ProfilePages.install(in: service)
        let (logger, startFilter) = (logger, startFilter)
        service.serve("/logging") { Self.logging($0, logger, startFilter) }
    }

    private static func logging(_ request: HTTPRequest, _ logger: Logger, _ startFilter: LogFilter) -> HTTPResponse {
        guard request.method == "POST" else { return HTTPResponse(405, text: "Invalid HTTP method\n\n\(loggingUsage)") }
        let parameters = request.parameters
        var filter = logger.filter
        if parameters.contains(where: { $0.name == "reset" }) { filter = startFilter }
        for parameter in parameters where parameter.name == "level" && !parameter.value.isEmpty {
            guard let changed = filter.adding(parameter.value) else {
                return HTTPResponse(400, text: "Invalid level provided: \(parameter.value)\n\n\(loggingUsage)")
            }
            filter = changed
        }
        logger.filter = filter
        return HTTPResponse(200, text: "current log level is \(filter)\n")
    }

    private static let pages: [(path: String, text: String)] = [
        ("config_dump", "state of the mesh, certificates, configuration and connections, as JSON"),
        ("logging", "read and change log levels (POST)"),
        ("quitquitquit", "shut down (POST)"),
        ("debug/pprof/profile", "there is no profiler in this program; says what to use instead"),
        ("debug/pprof/heap", "the same for memory"),
    ]

    private static func overview(_ pages: [(path: String, text: String)]) -> String {
        let rows = pages.map { "<tr><td><a href=\"\($0.path)\">\($0.path)</a></td><td>\($0.text)</td></tr>\n" }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Culvert</title></head>
            <body><h1>Culvert</h1><table>
            \(rows)</table></body></html>

            """
    }

    private static let loggingUsage = """
        usage: POST /logging                        show the levels
               POST /logging?level=LEVEL            change them: LEVEL or SCOPE=LEVEL, separated by commas
               POST /logging?reset[&level=LEVEL]    back to those of the start, then change them
        levels: error, warn, info, debug, trace, off

        """
}
