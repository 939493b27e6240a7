// nghttp2, the HTTP/2 framing layer, and one name for what its releases call differently.
#ifndef CULVERT_CNGHTTP2_H
#define CULVERT_CNGHTTP2_H

#include <stddef.h>
#include <nghttp2/nghttp2.h>

#if NGHTTP2_VERSION_NUM >= 0x013c00 /* 1.60: the functions with a 2 speak ptrdiff_t instead of ssize_t */
#define CULVERT_NGHTTP2(name) name##2
typedef nghttp2_data_provider2 culvert_nghttp2_provider;
#else
#define CULVERT_NGHTTP2(name) name
typedef nghttp2_data_provider culvert_nghttp2_provider;
#endif

static inline ptrdiff_t culvert_nghttp2_receive(nghttp2_session *session, const uint8_t *bytes, size_t count) {
    return CULVERT_NGHTTP2(nghttp2_session_mem_recv)(session, bytes, count);
}

static inline ptrdiff_t culvert_nghttp2_produce(nghttp2_session *session, const uint8_t **bytes) {
    return CULVERT_NGHTTP2(nghttp2_session_mem_send)(session, bytes);
}

static inline int32_t culvert_nghttp2_request(nghttp2_session *session, const nghttp2_nv *fields, size_t count,
                                              const culvert_nghttp2_provider *body, void *stream) {
    return CULVERT_NGHTTP2(nghttp2_submit_request)(session, NULL, fields, count, body, stream);
}

static inline int culvert_nghttp2_response(nghttp2_session *session, int32_t stream, const nghttp2_nv *fields,
                                           size_t count, const culvert_nghttp2_provider *body) {
    return CULVERT_NGHTTP2(nghttp2_submit_response)(session, stream, fields, count, body);
}

static inline void culvert_nghttp2_set_read_length(
    nghttp2_session_callbacks *callbacks,
    ptrdiff_t (*callback)(nghttp2_session *, uint8_t, int32_t, int32_t, int32_t, uint32_t, void *)) {
    CULVERT_NGHTTP2(nghttp2_session_callbacks_set_data_source_read_length_callback)(callbacks, callback);
}

// Limits that younger releases know; an older one runs with its own defaults.
static inline void culvert_nghttp2_set_reset_rate(nghttp2_option *option, uint64_t burst, uint64_t per_second) {
#if NGHTTP2_VERSION_NUM >= 0x013900 /* 1.57 */
    nghttp2_option_set_stream_reset_rate_limit(option, burst, per_second);
#else
    (void)option, (void)burst, (void)per_second;
#endif
}

static inline void culvert_nghttp2_set_glitch_rate(nghttp2_option *option, uint64_t burst, uint64_t per_second) {
#if NGHTTP2_VERSION_NUM >= 0x014200 /* 1.66 */
    nghttp2_option_set_glitch_rate_limit(option, burst, per_second);
#else
    (void)option, (void)burst, (void)per_second;
#endif
}

static inline void culvert_nghttp2_set_continuations(nghttp2_option *option, size_t count) {
#if NGHTTP2_VERSION_NUM >= 0x013d00 /* 1.61 */
    nghttp2_option_set_max_continuations(option, count);
#else
    (void)option, (void)count;
#endif
}

#undef CULVERT_NGHTTP2
#endif
