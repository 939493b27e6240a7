import CNghttp2

/// Where a session keeps the block of the last frame that it sent for the next. It is to outlive the session.
@safe struct SpareBlock: ~Copyable {
    let place: UnsafeMutablePointer<culvert_nghttp2_spare>

    init() {
        unsafe place = .allocate(capacity: 1)
        unsafe place.initialize(to: culvert_nghttp2_spare())
    }

    deinit {
        unsafe culvert_nghttp2_spare_drop(place)
        unsafe place.deallocate()
    }
}
