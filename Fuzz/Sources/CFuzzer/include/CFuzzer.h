// Nothing for Swift: the target is only linked.
