"""Round trips, closed loop and open loop."""

from .loads import Load, microseconds


def ping_pong(world, contender, quick):
    rounds = 2000 if quick else 10000
    measured = world.measure("pingpong", "--to", contender.target, "--bytes", 64, "--rounds", rounds)
    return microseconds(measured["round_trip_ns"])


def paced(world, contender, quick):
    pace = ["--bytes", 1024, "--rate", 1000, "--connections", 4, "--seconds", 1 if quick else 5]
    return microseconds(world.measure("paced", "--to", contender.target, *pace)["request_ns"])


LOADS = [
    Load("pingpong", "Round trip of 64 bytes on one connection", ping_pong),
    Load("paced", "1,000 requests a second of 1 KiB over 4 connections, open loop", paced),
]
