import HTTP1

/// Where ztunnel gives profiles. This program has no profiler: the kernel's takes one without any help of ours.
/// Requests are judged as ztunnel does it, and what is in order is answered 501.
enum ProfilePages {
    static func install(in service: HTTPService) {
        service.serve("/debug/pprof/profile") { request in
            for (name, most) in [("seconds", 300), ("frequency", 1000)] {
                for parameter in request.parameters where parameter.name == name {
                    guard let value = Int(parameter.value), (1...most).contains(value) else {
                        return HTTPResponse(400, text: "invalid \(name) value; expected 1-\(most)\n")
                    }
                }
            }
            return HTTPResponse(501, text: "there is no profiler in culvert-node; use: perf record -g -p PID\n")
        }
        service.serve("/debug/pprof/heap") { _ in
            HTTPResponse(501, text: "there is no heap profiler in culvert-node; use: heaptrack or valgrind\n")
        }
        service.serve("/debug/pprof/heap/profiling") { request in
            guard let wanted = request.parameters.first(where: { $0.name == "activate" })?.value else {
                return HTTPResponse(200, text: "heap profiling active: false\n")
            }
            switch wanted {
            case "false": return HTTPResponse(200, text: "heap profiling active: false\n")
            case "true": return HTTPResponse(501, text: "there is no heap profiler in culvert-node\n")
            default:
                return HTTPResponse(400, text: "invalid activate value \"\(wanted)\"; expected true or false\n")
            }
        }
    }
}
