// nghttp2, the HTTP/2 framing layer, and one name for what its releases call differently.
#ifndef CULVERT_CNGHTTP2_H
#define CULVERT_CNGHTTP2_H

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

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

// A session asks for a block for each frame that it is to send, and gives it back once the frame is out: one is kept for the next.
struct culvert_nghttp2_spare {
    void *block;
};

// What a frame that waits to be sent takes, in the releases so far, and where malloc makes no larger block of it.
#define CULVERT_NGHTTP2_ITEM_LEAST 137
#define CULVERT_NGHTTP2_ITEM_MOST 168
#define CULVERT_NGHTTP2_ITEM_SLACK 16

static inline void *culvert_nghttp2_allocate(size_t size, void *context) {
    struct culvert_nghttp2_spare *spare = (struct culvert_nghttp2_spare *)context;
    if (size < CULVERT_NGHTTP2_ITEM_LEAST || size > CULVERT_NGHTTP2_ITEM_MOST) return malloc(size);
    void *block = spare->block;
    if (block == NULL) return malloc(CULVERT_NGHTTP2_ITEM_MOST);
    spare->block = NULL;
    return block;
}

static inline void culvert_nghttp2_free(void *block, void *context) {
    struct culvert_nghttp2_spare *spare = (struct culvert_nghttp2_spare *)context;
    if (block == NULL) return;
    size_t usable = malloc_usable_size(block);
    int is_item = usable >= CULVERT_NGHTTP2_ITEM_MOST && usable < CULVERT_NGHTTP2_ITEM_MOST + CULVERT_NGHTTP2_ITEM_SLACK;
    if (is_item && spare->block == NULL) {
        spare->block = block;
    } else {
        free(block);
    }
}

static inline void *culvert_nghttp2_allocate_zeroed(size_t many, size_t size, void *context) {
    (void)context;
    return calloc(many, size);
}

static inline void *culvert_nghttp2_reallocate(void *block, size_t size, void *context) {
    (void)context;
    return realloc(block, size);
}

// The address sanitizer, where it is linked in: it is to see each block come and go.
extern void __asan_init(void) __attribute__((weak));

// A session that keeps a block in `spare`, which is to be freed after it.
static inline int culvert_nghttp2_session_new(nghttp2_session **session, int is_server, const nghttp2_session_callbacks *callbacks,
                                              const nghttp2_option *option, struct culvert_nghttp2_spare *spare) {
    nghttp2_mem memory = {spare, culvert_nghttp2_allocate, culvert_nghttp2_free, culvert_nghttp2_allocate_zeroed,
                          culvert_nghttp2_reallocate};
    nghttp2_mem *used = __asan_init == NULL ? &memory : NULL;
    return is_server ? nghttp2_session_server_new3(session, callbacks, NULL, option, used)
                     : nghttp2_session_client_new3(session, callbacks, NULL, option, used);
}

static inline void culvert_nghttp2_spare_drop(struct culvert_nghttp2_spare *spare) { free(spare->block); }

#endif
