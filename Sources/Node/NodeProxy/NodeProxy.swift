// NodeProxy
