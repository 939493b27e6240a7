public import HTTP1
import Primitives

/// How a page of metrics is labelled; the text is OpenMetrics in either case (ztunnel).
public enum MetricsFormat {
    /// The page, labelled as the request asks.
    public static func respond(to request: HTTPRequest, page: [UInt8]) -> HTTPResponse {
        HTTPResponse(200, fields: [HTTPField("content-type", contentType(for: request))], body: page)
    }

    private static func contentType(for request: HTTPRequest) -> String {
        let accepted = request.fields.filter { $0.name == "accept" }.flatMap { ($0.text ?? "").split(separator: ",") }
        let wantsOpenMetrics = accepted.contains { item in
            item.split(separator: ";").first?.split(separator: " ").first == "application/openmetrics-text"
        }
        return wantsOpenMetrics
            ? "application/openmetrics-text;charset=utf-8;version=1.0.0" : "text/plain; charset=utf-8"
    }
}
