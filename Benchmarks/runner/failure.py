"""Why a benchmark, or one round of it, could not be run."""


class Failure(Exception):
    pass
