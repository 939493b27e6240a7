"""gRPC as grpcio speaks it, with messages of raw bytes.

    grpc_echo.py serve CHAIN KEY               prints its port, serves until it is killed
    grpc_echo.py call PORT ROOT                calls a server of ours; ends with 0 if every answer was right
"""

import sys
from concurrent import futures

import grpc

OPTIONS = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        metadata = dict(details.invocation_metadata)
        if details.method == "/test.Echo/Unary":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: request)
        if details.method == "/test.Echo/Token":
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: metadata.get("authorization", "").encode())
        if details.method == "/test.Echo/Fail":
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: context.abort(grpc.StatusCode.FAILED_PRECONDITION, request.decode()))
        if details.method == "/test.Echo/Stream":
            return grpc.stream_stream_rpc_method_handler(lambda requests, context: requests)
        return None


def serve(chain, key):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), handlers=[Echo()], options=OPTIONS)
    pair = (open(key, "rb").read(), open(chain, "rb").read())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def call(port, root):
    credentials = grpc.ssl_channel_credentials(open(root, "rb").read())
    with grpc.secure_channel(f"localhost:{port}", credentials, options=OPTIONS) as channel:
        unary = channel.unary_unary("/test.Echo/Unary")
        assert unary(b"hello", timeout=10) == b"hello"
        assert unary(b"", timeout=10) == b""
        large = bytes(range(256)) * (10 * 4096)
        assert unary(large, timeout=30) == large
        assert code(lambda: channel.unary_unary("/test.Echo/Nothing")(b"")) == grpc.StatusCode.UNIMPLEMENTED
        assert code(lambda: channel.unary_unary("/test.Echo/Never")(b"", timeout=0.2)) \
            == grpc.StatusCode.DEADLINE_EXCEEDED
        try:
            channel.unary_unary("/test.Echo/Fail")("50% größer\n".encode(), timeout=10)
            raise AssertionError("no failure")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
            assert error.details() == "50% größer\n", error.details()
        messages = [bytes([index]) * index * 1000 for index in range(100)]
        assert list(channel.stream_stream("/test.Echo/Stream")(iter(messages), timeout=30)) == messages


def code(body):
    try:
        body()
        return None
    except grpc.RpcError as error:
        return error.code()


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])
